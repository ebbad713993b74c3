/*
 * The clients of the delivery benchmark: opens connections, subscribes as it is told, and then counts and times what is
 * delivered. One thread and epoll; a read and a scan a message, so that it asks for less CPU than what it measures.
 *
 *   load -p PORT -n CONNECTIONS [-w AT_ONCE] [-t ws|sse] [-u PATH] [-m MODULUS] [-s MESSAGE | -e TIMES:TEXT]...
 *        [-q QUESTION -a ANSWER]
 *
 * `-s` and `-e`, in order, are what each connection sends and waits for before it is ready; `#7#` in a message or the
 * path is the connection's index plus 7, modulo MODULUS. Prints a line of JSON when all are ready (durations there are
 * from connect to ready); then takes commands, a line each:
 *
 *   collect DELIVERIES MILLISECONDS    waits for that many since the last line, at most that long, and tells about them
 *
 * Durations are in microseconds. It ends with its standard input. Exits non-zero on a broken protocol.
 */
#define _GNU_SOURCE
#include "load.h"

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

#define EVENTS 512
#define BUFFER (256 * 1024)
#define LARGEST_HEAD 16384

struct settings settings = {.window = 100, .modulus = 1, .path = "/"};
struct counters counters;
unsigned lost;

static struct peer *peers;
static int poller, opened, opening, ready;
static char buffer[BUFFER];
static int64_t began;

/* What `collect` waits for. */
static uint64_t target;
static int64_t deadline;

void die(const char *what) {
  fprintf(stderr, "load: %s\n", what);
  exit(1);
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

int64_t nanoseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static double cpu_seconds(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void watch(struct peer *peer, int operation, uint32_t for_events) {
  struct epoll_event event = {.events = for_events, .data.ptr = peer};
  if (epoll_ctl(poller, operation, peer->fd, &event)) fail("epoll_ctl");
}

static void open_peer(struct peer *peer) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)settings.port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int on = 1;
  peer->started = nanoseconds();
  peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (peer->fd < 0) fail("socket");
  setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(peer->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) fail("connect");
  peer->phase = CONNECTING;
  watch(peer, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
  opening++;
}

static void open_more(void) {
  while (opened < settings.connections && opening < settings.window) {
    peers[opened].index = (unsigned)opened;
    open_peer(&peers[opened++]);
  }
}

static void lose(struct peer *peer) {
  if (peer->fd < 0) return;
  close(peer->fd);
  peer->fd = -1;
  if (peer->phase != READY) opening--;
  peer->phase = GONE;
  lost++;
}

void receive(struct peer *peer, const char *bytes, size_t length, int64_t now) {
  find_stamps(peer, bytes, length, now);
  if (peer->phase != TALKING || !dialogue_hear(peer, bytes, length)) return;
  free(peer->inbox);
  peer->inbox = NULL;
  peer->phase = READY;
  histogram_add(now - peer->started);
  opening--;
  ready++;
}

/* Takes the answer's head off the front of what was received; what follows is the stream. */
static int hear_head(struct peer *peer, size_t length, int64_t now) {
  peer->inbox = realloc(peer->inbox, peer->inbox_length + length + 1);
  memcpy(peer->inbox + peer->inbox_length, buffer, length);
  peer->inbox_length += length;
  peer->inbox[peer->inbox_length] = 0;
  char *end = memmem(peer->inbox, peer->inbox_length, "\r\n\r\n", 4);
  if (!end) return peer->inbox_length < LARGEST_HEAD;
  const char *wanted = settings.event_stream ? "HTTP/1.1 200" : "HTTP/1.1 101";
  if (strncmp(peer->inbox, wanted, 12) != 0) {
    fprintf(stderr, "load: refused: %.200s\n", peer->inbox);
    return 0;
  }
  *end = 0;
  peer->chunked = strcasestr(peer->inbox, "transfer-encoding: chunked") != NULL;
  char *head = peer->inbox;
  size_t rest = peer->inbox_length - (size_t)(end + 4 - head);
  peer->inbox = NULL;
  peer->inbox_length = 0;
  peer->phase = TALKING;
  receive(peer, NULL, 0, now);
  int going = rest == 0 || stream_feed(peer, end + 4, rest, now);
  free(head);
  return going;
}

static void hear(struct peer *peer) {
  ssize_t length = recv(peer->fd, buffer, sizeof buffer, 0);
  if (length < 0 && errno == EAGAIN) return;
  int64_t now = nanoseconds();
  int going = length > 0;
  if (going) {
    counters.bytes += (uint64_t)length;
    going = peer->phase == REQUESTING ? hear_head(peer, (size_t)length, now)
                                      : stream_feed(peer, buffer, (size_t)length, now);
  }
  if (!going || peer->phase == GONE) lose(peer);
}

static void connected(struct peer *peer) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(peer->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error) {
    errno = error;
    fail("connect");
  }
  watch(peer, EPOLL_CTL_MOD, EPOLLIN);
  peer->phase = REQUESTING;
  dialogue_request(peer);
}

static void tell(const char *phase) {
  int64_t to = counters.last ? counters.last : nanoseconds();
  printf("{\"phase\":\"%s\",\"ready\":%d,\"lost\":%u,\"deliveries\":%lu,\"bytes\":%lu,\"messages\":%lu,"
         "\"misordered\":%lu,\"seconds\":%.6f,\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f,\"cpu\":%.6f}\n",
         phase, ready, lost, counters.deliveries, counters.bytes, counters.messages, counters.misordered,
         (double)(to - (counters.first ? counters.first : began)) / 1e9, histogram_quantile(0.5) / 1e3,
         histogram_quantile(0.99) / 1e3, histogram_highest() / 1e3, cpu_seconds());
  fflush(stdout);
  memset(&counters, 0, sizeof counters);
  histogram_reset();
}

static void command(void) {
  char line[128];
  unsigned long deliveries;
  long milliseconds;
  ssize_t length = read(STDIN_FILENO, line, sizeof line - 1);
  if (length <= 0) exit(0);
  line[length] = 0;
  if (sscanf(line, "collect %lu %ld", &deliveries, &milliseconds) != 2) die("an unknown command");
  target = deliveries;
  deadline = nanoseconds() + milliseconds * 1000000LL;
}

static void serve_events(int timeout) {
  struct epoll_event events[EVENTS];
  int count = epoll_wait(poller, events, EVENTS, timeout);
  for (int i = 0; i < count; i++) {
    struct peer *peer = events[i].data.ptr;
    if (!peer) {
      command();
      continue;
    }
    if (peer->phase == CONNECTING && events[i].events & (EPOLLOUT | EPOLLERR)) connected(peer);
    if (peer->fd >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) hear(peer);
  }
}

static void read_options(int argc, char **argv) {
  int option;
  while ((option = getopt(argc, argv, "p:n:w:t:u:m:s:e:q:a:")) != -1) {
    if (option == 'p') settings.port = atoi(optarg);
    else if (option == 'n') settings.connections = atoi(optarg);
    else if (option == 'w') settings.window = atoi(optarg);
    else if (option == 't') settings.event_stream = strcmp(optarg, "sse") == 0;
    else if (option == 'u') settings.path = optarg;
    else if (option == 'm') settings.modulus = atoi(optarg);
    else if (option == 's') dialogue_send(optarg);
    else if (option == 'e') dialogue_expect(optarg);
    else if (option == 'q') settings.question = optarg;
    else if (option == 'a') settings.answer = optarg;
    else exit(2);
  }
}

int main(int argc, char **argv) {
  read_options(argc, argv);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  peers = calloc((size_t)settings.connections, sizeof *peers);
  poller = epoll_create1(0);
  began = nanoseconds();
  while (ready + (int)lost < settings.connections) {
    open_more();
    serve_events(100);
  }
  tell("ready");
  struct epoll_event input = {.events = EPOLLIN};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &input)) fail("epoll_ctl stdin");
  for (;;) {
    serve_events(deadline ? 20 : -1);
    if (!deadline || (counters.deliveries < target && nanoseconds() < deadline)) continue;
    deadline = 0;
    tell("collected");
  }
}
