/** Units of the systemd that tests run under: a bus, and nothing else. What a distribution starts at boot is none of ours. */
export const units: Readonly<Record<string, string>> = {
  "test.target": `[Unit]
DefaultDependencies=no
Requires=dbus.service
After=dbus.service
`,
  "dbus.socket": `[Unit]
DefaultDependencies=no
[Socket]
ListenStream=/run/dbus/system_bus_socket
`,
  "dbus.service": `[Unit]
DefaultDependencies=no
Requires=dbus.socket
[Service]
Type=notify
NotifyAccess=main
ExecStart=/usr/bin/dbus-daemon --system --address=systemd: --nofork --nopidfile --systemd-activation --syslog-only
`,
};
