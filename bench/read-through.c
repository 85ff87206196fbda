/*
 * Reads a file in pieces of 1 MiB from its begin to its end, over and over, past the page cache, for a time: how many pieces, and
 * in how many nanoseconds.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { piece = 1 << 20, block = 4096 };

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

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: %s FILE MILLISECONDS\n", argv[0]);
		return 2;
	}
	int fd = open(argv[1], O_RDONLY | O_DIRECT);
	if (fd < 0)
		fail(argv[1]);
	void *bytes;
	if (posix_memalign(&bytes, block, piece) != 0)
		fail("posix_memalign");
	uint64_t reads = 0;
	int64_t begin = now(), end = begin + atoll(argv[2]) * 1000000;
	do {
		ssize_t length = read(fd, bytes, piece);
		if (length == 0 && reads > 0 && lseek(fd, 0, SEEK_SET) == 0)
			continue;
		if (length != piece)
			fail("read");
		reads++;
	} while (now() < end);
	printf("%llu reads in %lld ns\n", (unsigned long long)reads, (long long)(now() - begin));
	return 0;
}
