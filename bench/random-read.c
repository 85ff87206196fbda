/*
 * Reads blocks of 4 KiB at random places of a disk, past the page cache, for a time: how many, and in how many nanoseconds.
 * Each block from FIRST on must begin with its own number (64 bits, little-endian), so that what was read is what is there.
 * So many threads read that each has one read under way.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { block = 4096, most_threads = 64 };

static const char *disk;
static uint64_t first, blocks;
static int64_t end;

struct reader {
	pthread_t thread;
	uint64_t state;
	uint64_t reads;
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t now(void)
{
	struct timespec time;
	if (clock_gettime(CLOCK_MONOTONIC, &time) < 0)
		fail("clock_gettime");
	return time.tv_sec * 1000000000ll + time.tv_nsec;
}

/* Xorshift: as good as it takes, and the same on every machine. */
static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void *read_on(void *argument)
{
	struct reader *reader = argument;
	int fd = open(disk, O_RDONLY | O_DIRECT);
	if (fd < 0)
		fail(disk);
	uint64_t *bytes;
	if (posix_memalign((void **)&bytes, block, block) != 0)
		fail("posix_memalign");
	do {
		uint64_t number = first + next(&reader->state) % (blocks - first);
		if (pread(fd, bytes, block, number * block) != block)
			fail("pread");
		if (bytes[0] != number) {
			fprintf(stderr, "block %llu begins with %llu\n", (unsigned long long)number, (unsigned long long)bytes[0]);
			exit(1);
		}
		reader->reads++;
	} while (now() < end);
	close(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: %s DISK FIRST THREADS MILLISECONDS SEED\n", argv[0]);
		return 2;
	}
	disk = argv[1];
	first = strtoull(argv[2], NULL, 10);
	int threads = atoi(argv[3]);
	uint64_t seed = strtoull(argv[5], NULL, 10);
	int fd = open(disk, O_RDONLY);
	if (fd < 0)
		fail(disk);
	off_t size = lseek(fd, 0, SEEK_END);
	if (size < 0)
		fail(disk);
	close(fd);
	blocks = size / block;
	if (threads < 1 || threads > most_threads || blocks <= first) {
		fprintf(stderr, "%d threads, %llu blocks\n", threads, (unsigned long long)blocks);
		return 2;
	}
	static struct reader readers[most_threads];
	int64_t begin = now();
	end = begin + atoll(argv[4]) * 1000000;
	for (int i = 0; i < threads; i++) {
		readers[i].state = (seed + 1) * 0x9e3779b97f4a7c15ull + i + 1;
		if (pthread_create(&readers[i].thread, NULL, read_on, &readers[i]) != 0)
			fail("pthread_create");
	}
	uint64_t reads = 0;
	for (int i = 0; i < threads; i++) {
		pthread_join(readers[i].thread, NULL);
		reads += readers[i].reads;
	}
	printf("%llu reads in %lld ns\n", (unsigned long long)reads, (long long)(now() - begin));
	return 0;
}
