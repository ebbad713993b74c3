/*
 * Load for the echo benchmark: C connections, each sending a message of B bytes, waiting for all of it to come back,
 * and sending the next. One thread and epoll; it asks for little more than the system calls, so that the server is
 * what limits.
 *
 *   load PORT CONNECTIONS BYTES SECONDS   ->   {"requests":N,"seconds":S,"cpu":S}
 *
 * Exits non-zero on a broken connection or a byte that is not the one sent.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct peer {
  int fd;
  size_t sent, received;
  int wants_out;
};

static size_t bytes;
static char *message, *buffer;
static int poller;
static long requests;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static double cpu(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void watch(struct peer *p, int operation, int out) {
  struct epoll_event e = {.events = EPOLLIN | (out ? EPOLLOUT : 0), .data.ptr = p};
  if (epoll_ctl(poller, operation, p->fd, &e)) fail("epoll_ctl");
  p->wants_out = out;
}

static void push(struct peer *p) {
  while (p->sent < bytes) {
    ssize_t n = send(p->fd, message + p->sent, bytes - p->sent, MSG_NOSIGNAL);
    if (n < 0) {
      if (errno != EAGAIN) fail("send");
      if (!p->wants_out) watch(p, EPOLL_CTL_MOD, 1);
      return;
    }
    p->sent += (size_t)n;
  }
  if (p->wants_out) watch(p, EPOLL_CTL_MOD, 0);
}

static void pull(struct peer *p) {
  ssize_t n = recv(p->fd, buffer, bytes - p->received, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) fail("recv");
  /* The ends of what came: enough to see a shift, and nearly free. */
  if (buffer[0] != message[p->received] || buffer[n - 1] != message[p->received + (size_t)n - 1]) {
    fprintf(stderr, "a wrong byte came back\n");
    exit(1);
  }
  p->received += (size_t)n;
  if (p->received < bytes) return;
  requests++;
  p->sent = p->received = 0;
  push(p);
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  int port = atoi(argv[1]), connections = atoi(argv[2]);
  bytes = (size_t)atol(argv[3]);
  double seconds = atof(argv[4]);
  message = malloc(bytes);
  buffer = malloc(bytes);
  for (size_t i = 0; i < bytes; i++) message[i] = (char)(i * 131 + (i >> 8));
  poller = epoll_create1(0);
  struct peer *peers = calloc((size_t)connections, sizeof *peers);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < connections; i++) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    peers[i].fd = fd;
    watch(&peers[i], EPOLL_CTL_ADD, 0);
  }
  double start = now();
  for (int i = 0; i < connections; i++) push(&peers[i]);
  struct epoll_event events[64];
  while (now() - start < seconds) {
    int n = epoll_wait(poller, events, 64, 100);
    for (int i = 0; i < n; i++) {
      struct peer *p = events[i].data.ptr;
      if (events[i].events & EPOLLOUT) push(p);
      if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) pull(p);
    }
  }
  printf("{\"requests\":%ld,\"seconds\":%.6f,\"cpu\":%.6f}\n", requests, now() - start, cpu());
  return 0;
}
