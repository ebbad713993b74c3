/* The least an echo can cost: one thread, epoll, one buffer, blocking writes. Nothing a service could be built on. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static char buffer[256 * 1024];

static void echo(int fd) {
  ssize_t n = read(fd, buffer, sizeof buffer);
  if (n <= 0) close(fd);
  for (char *from = buffer; n > 0;) {
    ssize_t written = write(fd, from, (size_t)n);
    if (written <= 0) return;
    from += written;
    n -= written;
  }
}

int main(void) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t length = sizeof address;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int listener = socket(AF_INET, SOCK_STREAM, 0), poller = epoll_create1(0), on = 1;
  if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 128)) return 1;
  getsockname(listener, (struct sockaddr *)&address, &length);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[64];
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    int ready = epoll_wait(poller, events, 64, -1);
    for (int i = 0; i < ready; i++) {
      if (events[i].data.fd != listener) {
        echo(events[i].data.fd);
        continue;
      }
      event.data.fd = accept(listener, NULL, NULL);
      setsockopt(event.data.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      epoll_ctl(poller, EPOLL_CTL_ADD, event.data.fd, &event);
    }
  }
}
