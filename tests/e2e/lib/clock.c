/*
 * A time of day that a test can move while a program runs. Loaded before the C library with LD_PRELOAD, it adds the seconds that
 * stand in the file MOLTWORKER_TEST_CLOCK. Clocks that measure how long something takes are left as they are.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t none = 0;
static const volatile int64_t *ahead = &none;

/* Mapped, so that every process sees a change at once. */
__attribute__((constructor)) static void follow(void) {
  const char *file = getenv("MOLTWORKER_TEST_CLOCK");
  int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void *page = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (page != MAP_FAILED) ahead = page;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
  int failed = syscall(SYS_clock_gettime, clock, at);
  if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) at->tv_sec += *ahead;
  return failed;
}

/*
 * The kernel wakes by its own clock, so what was reckoned by ours is told in its terms. A condition of the monotonic clock comes
 * here as well; its times are those since the start of the machine.
 */
int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, const struct timespec *restrict until) {
  struct timespec at = *until;
  int is_date = at.tv_sec > 1000000000;
  if (is_date) at.tv_sec -= *ahead;
  return pthread_cond_clockwait(condition, mutex, is_date ? CLOCK_REALTIME : CLOCK_MONOTONIC, &at);
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
  int failed = syscall(SYS_gettimeofday, at, zone);
  if (!failed) at->tv_sec += *ahead;
  return failed;
}

time_t time(time_t *at) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (at) *at = now.tv_sec;
  return now.tv_sec;
}
