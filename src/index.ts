export { KataError } from "./core/errors/error.js";
