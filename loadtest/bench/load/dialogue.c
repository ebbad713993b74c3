#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* What each connection says and waits for before it is ready, in order. */
struct step {
  const char *send, *expect;
  int times;
};

#define MAX_STEPS 64
/* A client's request, or all that it sends between two things it waits for. */
#define MAX_OUTPUT 16384

static struct step steps[MAX_STEPS];
static int step_count;
static char output[MAX_OUTPUT];
static size_t output_length;

static struct step *next_step(void) {
  if (step_count == MAX_STEPS) die("too many steps");
  return &steps[step_count++];
}

void dialogue_send(const char *message) { next_step()->send = message; }

/* `3:text`: until the text was seen three times. */
void dialogue_expect(const char *spec) {
  const char *colon = strchr(spec, ':');
  if (!colon) die("-e wants TIMES:TEXT");
  struct step *step = next_step();
  step->times = atoi(spec);
  step->expect = colon + 1;
}

/* Puts the connection's own numbers into a template: `#7#` is its index plus 7, modulo `-m`. */
static size_t expand(const struct peer *peer, const char *template, char *into, size_t room) {
  size_t length = 0;
  while (*template) {
    if (length + 24 > room) die("a message is too long");
    char *end;
    unsigned long offset = *template == '#' ? strtoul(template + 1, &end, 10) : 0;
    if (*template != '#' || *end != '#') {
      into[length++] = *template++;
      continue;
    }
    length += (size_t)sprintf(into + length, "%lu", (peer->index + offset) % (unsigned long)settings.modulus);
    template = end + 1;
  }
  return length;
}

static void put(const char *bytes, size_t length) {
  if (output_length + length > sizeof output) die("too much to send at once");
  memcpy(output + output_length, bytes, length);
  output_length += length;
}

static void flush(struct peer *peer) {
  /* So little that a new connection's buffer takes all of it. */
  if (output_length > 0 && send(peer->fd, output, output_length, MSG_NOSIGNAL) != (ssize_t)output_length)
    peer->phase = GONE;
  output_length = 0;
}

/* RFC 6455, 5.2 and 5.3: a client's frames are masked. */
static void put_frame(int opcode, const char *payload, size_t length) {
  static const uint8_t mask[4] = {0x3a, 0x91, 0x5c, 0xe7};
  uint8_t header[8] = {(uint8_t)(0x80 | opcode), (uint8_t)(0x80 | length)};
  size_t size = 2;
  if (length > 125) {
    header[1] = 0x80 | 126;
    header[2] = (uint8_t)(length >> 8);
    header[3] = (uint8_t)length;
    size = 4;
  }
  memcpy(header + size, mask, 4);
  put((char *)header, size + 4);
  size_t at = output_length;
  put(payload, length);
  for (size_t i = 0; i < length; i++) output[at + i] ^= (char)mask[i % 4];
}

void send_frame(struct peer *peer, int opcode, const char *payload, size_t length) {
  put_frame(opcode, payload, length);
  flush(peer);
}

void dialogue_request(struct peer *peer) {
  char path[4096], request[MAX_OUTPUT];
  path[expand(peer, settings.path, path, sizeof path - 1)] = 0;
  const char *format =
      settings.event_stream
          ? "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"
          : "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  put(request, (size_t)snprintf(request, sizeof request, format, path));
  flush(peer);
}

/* How often the text stands in what is new, which may begin in what is old. */
static void look_for(struct peer *peer, const char *text) {
  size_t length = strlen(text);
  for (;;) {
    char *found = memmem(peer->inbox + peer->inbox_from, peer->inbox_length - peer->inbox_from, text, length);
    if (!found) break;
    peer->inbox_from = (size_t)(found - peer->inbox) + length;
    peer->seen++;
    if (peer->seen == steps[peer->step].times) return;
  }
  size_t reach = peer->inbox_length >= length ? peer->inbox_length - length + 1 : 0;
  if (reach > peer->inbox_from) peer->inbox_from = reach;
}

int dialogue_hear(struct peer *peer, const char *bytes, size_t length) {
  if (peer->inbox_length + length > peer->inbox_capacity) {
    peer->inbox_capacity = (peer->inbox_length + length) * 2;
    peer->inbox = realloc(peer->inbox, peer->inbox_capacity);
  }
  if (length > 0) memcpy(peer->inbox + peer->inbox_length, bytes, length);
  peer->inbox_length += length;
  while (peer->step < step_count) {
    const struct step *step = &steps[peer->step];
    if (step->send) {
      char message[MAX_OUTPUT];
      put_frame(1, message, expand(peer, step->send, message, sizeof message));
    } else {
      flush(peer);
      if (peer->inbox_length > 0) look_for(peer, step->expect);
      if (peer->seen < step->times) return 0;
      peer->seen = 0;
    }
    peer->step++;
  }
  flush(peer);
  return 1;
}
