/* What the parts of the load share: a peer is one connection and where it stands. */
#ifndef LOAD_H
#define LOAD_H

#include <stddef.h>
#include <stdint.h>

enum phase { CONNECTING, REQUESTING, TALKING, READY, GONE };

struct peer {
  int fd;
  unsigned index;
  uint8_t phase;
  /* The dialogue: the step it is at, and how often the awaited text was seen. */
  uint8_t step;
  uint16_t seen;
  /* What it received before it was ready, and from where on to look. Freed then. */
  char *inbox;
  size_t inbox_length, inbox_capacity, inbox_from;
  /* The frame or chunk under way. */
  uint8_t chunked, opcode, header_length, small_length;
  uint8_t header[20];
  uint64_t remaining;
  char small[126];
  /* The stamp under way, and the last one. */
  uint8_t stamp_length;
  uint64_t stamp, last_stamp;
  int64_t started;
};

struct settings {
  int port, connections, window, modulus, event_stream;
  const char *path;
  /* A text message that is the first is answered with the second. */
  const char *question, *answer;
};

struct counters {
  uint64_t deliveries, bytes, messages, misordered;
  int64_t first, last;
};

extern struct settings settings;
extern struct counters counters;
/* Connections that ended, which none should. */
extern unsigned lost;

int64_t nanoseconds(void);
void die(const char *what);

/* histogram.c: durations in nanoseconds, to 1.6 %. */
void histogram_reset(void);
void histogram_add(int64_t duration);
double histogram_quantile(double q);
double histogram_highest(void);

/* stamps.c */
void find_stamps(struct peer *peer, const char *bytes, size_t length, int64_t now);

/* dialogue.c */
void dialogue_send(const char *message);
void dialogue_expect(const char *spec);
void dialogue_request(struct peer *peer);
/* Carries the dialogue on with what came; true once the peer is through. */
int dialogue_hear(struct peer *peer, const char *bytes, size_t length);
void send_frame(struct peer *peer, int opcode, const char *payload, size_t length);

/* stream.c: takes bytes off the wire apart; payload goes to `receive`. Zero: the peer is gone. */
int stream_feed(struct peer *peer, char *bytes, size_t length, int64_t now);
/* load.c */
void receive(struct peer *peer, const char *bytes, size_t length, int64_t now);

#endif
