/*
 * Runs a guest that is given as files until it writes to the port `end`, as plainly as C can: how long that took, in
 * nanoseconds. The guest's memory, and the registers that its processor begins with (struct kvm_regs, struct kvm_sregs), are
 * those that the machine in TypeScript has made.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int check(int result, const char *what)
{
	if (result >= 0)
		return result;
	perror(what);
	exit(1);
}

static void read_whole(const char *path, void *to, size_t size)
{
	int fd = check(open(path, O_RDONLY), path);
	for (size_t at = 0; at < size;) {
		ssize_t got = check(read(fd, (char *)to + at, size - at), path);
		if (got == 0) {
			fprintf(stderr, "%s is too short\n", path);
			exit(1);
		}
		at += got;
	}
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: %s MEMORY REGISTERS SPECIAL END\n", argv[0]);
		return 2;
	}
	struct stat file;
	check(stat(argv[1], &file), argv[1]);
	int end = atoi(argv[4]);

	int kvm = check(open("/dev/kvm", O_RDWR), "/dev/kvm");
	int vm = check(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	check(ioctl(vm, KVM_SET_TSS_ADDR, 0xfefbd000), "KVM_SET_TSS_ADDR");
	check(ioctl(vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	check(ioctl(vm, KVM_CREATE_PIT2, &pit), "KVM_CREATE_PIT2");

	void *memory = mmap(NULL, file.st_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		check(-1, "mmap");
	read_whole(argv[1], memory, file.st_size);
	struct kvm_userspace_memory_region region = { .memory_size = file.st_size, .userspace_addr = (unsigned long)memory };
	check(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");

	int vcpu = check(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	size_t size = check(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
	struct kvm_run *run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		check(-1, "mmap of the vCPU");
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[256];
	} cpuid = { .head.nent = 256 };
	check(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid), "KVM_GET_SUPPORTED_CPUID");
	check(ioctl(vcpu, KVM_SET_CPUID2, &cpuid), "KVM_SET_CPUID2");
	struct kvm_sregs special;
	read_whole(argv[3], &special, sizeof special);
	check(ioctl(vcpu, KVM_SET_SREGS, &special), "KVM_SET_SREGS");
	struct kvm_regs registers;
	read_whole(argv[2], &registers, sizeof registers);
	check(ioctl(vcpu, KVM_SET_REGS, &registers), "KVM_SET_REGS");

	struct timespec from, to;
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (;;) {
		check(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
		if (run->exit_reason != KVM_EXIT_IO) {
			fprintf(stderr, "the guest ended with exit %u\n", run->exit_reason);
			return 1;
		}
		if (run->io.port == end)
			break;
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("%lld\n", (to.tv_sec - from.tv_sec) * 1000000000ll + to.tv_nsec - from.tv_nsec);
	return 0;
}
