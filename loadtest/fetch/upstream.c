/*
 * The upstream of the fetch benchmark: HTTP/1.1 with kept connections, answers prepared beforehand, one thread and
 * epoll, so that whoever asks is what limits. Listens on three ports of the loopback and prints them.
 *
 *   GET /0, /1 …   a document of about 2 KB; under an odd number no two answers are alike, under an even one all are
 *   GET /never     no answer
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORTS 3
#define RECORDS 22

static char answer[4096];
static size_t length;
/* Where the ten digits stand that make answers differ. */
static char *digits;
static unsigned turn;

static void prepare(void) {
  char body[3072];
  int n = sprintf(body, "{\"seq\":1000000000,\"source\":\"bench\",\"quotes\":[");
  for (int i = 0; i < RECORDS; i++) {
    n += sprintf(body + n, "%s{\"symbol\":\"SYM%02d\",\"bid\":%d.25,\"ask\":%d.5,\"volume\":%d,\"open\":true,\"venue\":\"XLON\"}",
                 i ? "," : "", i, 100 + i, 101 + i, 1000 * i);
  }
  n += sprintf(body + n, "]}");
  length = (size_t)sprintf(answer,
                           "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
                           "server: upstream\r\ncontent-length: %d\r\n\r\n%s", n, body);
  digits = strstr(answer, "1000000000");
}

/* Requests come whole: each is sent in one piece, and only when the one before is answered. */
static void serve(int fd) {
  char request[4096], now[11];
  ssize_t n = read(fd, request, sizeof request - 1);
  if (n <= 0) {
    close(fd);
    return;
  }
  request[n] = 0;
  if (!strncmp(request, "GET /never", 10)) return;
  unsigned odd = (unsigned)strtoul(request + 5, NULL, 10) % 2;
  sprintf(now, "%u", 1000000000u + (odd ? ++turn : 0));
  memcpy(digits, now, 10);
  if (write(fd, answer, length) != (ssize_t)length) close(fd);
}

int main(void) {
  int poller = epoll_create1(0), on = 1, listeners[PORTS];
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  prepare();
  for (int i = 0; i < PORTS; i++) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listeners[i] = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listeners[i], (struct sockaddr *)&address, size) || listen(listeners[i], 1024)) return 1;
    getsockname(listeners[i], (struct sockaddr *)&address, &size);
    printf("%d%s", ntohs(address.sin_port), i + 1 < PORTS ? " " : "\n");
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listeners[i]};
    epoll_ctl(poller, EPOLL_CTL_ADD, listeners[i], &event);
  }
  fflush(stdout);
  for (struct epoll_event events[64];;) {
    int ready = epoll_wait(poller, events, 64, -1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd, listening = 0;
      for (int p = 0; p < PORTS; p++) listening |= fd == listeners[p];
      if (!listening) {
        serve(fd);
        continue;
      }
      struct epoll_event event = {.events = EPOLLIN, .data.fd = accept(fd, NULL, NULL)};
      setsockopt(event.data.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      epoll_ctl(poller, EPOLL_CTL_ADD, event.data.fd, &event);
    }
  }
}
