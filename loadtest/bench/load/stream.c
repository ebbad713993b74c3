#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 1, CLOSE = 8, PING = 9, PONG = 10 };

/* RFC 6455, 5.2: the length of a server's frame header, as far as its first bytes tell. */
static size_t header_size(const struct peer *peer) {
  if (peer->header_length < 2) return 2;
  int length = peer->header[1] & 127;
  return length < 126 ? 2 : length == 126 ? 4 : 10;
}

static void begin_frame(struct peer *peer) {
  if (peer->header[1] & 128) die("the server masked a frame");
  if (peer->header[0] & 0x70) die("the server used an extension that nobody asked for");
  peer->opcode = peer->header[0] & 15;
  peer->remaining = peer->header[1] & 127;
  if (peer->header_length > 2) {
    peer->remaining = 0;
    for (int i = 2; i < peer->header_length; i++) peer->remaining = peer->remaining << 8 | peer->header[i];
  }
  peer->small_length = 0;
}

static int end_frame(struct peer *peer) {
  peer->header_length = 0;
  if (peer->opcode == CLOSE) return 0;
  if (peer->opcode == PING) send_frame(peer, PONG, peer->small, peer->small_length);
  if (peer->opcode >= CLOSE) return 1;
  counters.messages++;
  if (settings.question && peer->small_length == strlen(settings.question) &&
      memcmp(peer->small, settings.question, peer->small_length) == 0)
    send_frame(peer, TEXT, settings.answer, strlen(settings.answer));
  return 1;
}

/* Keeps what fits: the whole of a control frame, or the beginning of a message. */
static void keep_small(struct peer *peer, const char *bytes, size_t length) {
  size_t room = sizeof peer->small - peer->small_length;
  if (length > room) length = room;
  memcpy(peer->small + peer->small_length, bytes, length);
  peer->small_length += length;
}

static int feed_frames(struct peer *peer, char *bytes, size_t length, int64_t now) {
  while (length > 0) {
    if (peer->header_length < header_size(peer)) {
      peer->header[peer->header_length++] = (uint8_t)*bytes++;
      length--;
      if (peer->header_length < header_size(peer)) continue;
      begin_frame(peer);
    }
    size_t part = length < peer->remaining ? length : peer->remaining;
    keep_small(peer, bytes, part);
    if (peer->opcode < CLOSE && part > 0) receive(peer, bytes, part, now);
    bytes += part;
    length -= part;
    peer->remaining -= part;
    if (peer->remaining == 0 && peer->header_length > 0 && !end_frame(peer)) return 0;
  }
  return 1;
}

/* RFC 9112, 7.1. The line end after a chunk reads as an empty size line. */
static int feed_chunks(struct peer *peer, char *bytes, size_t length, int64_t now) {
  while (length > 0) {
    if (peer->remaining > 0) {
      size_t part = length < peer->remaining ? length : peer->remaining;
      receive(peer, bytes, part, now);
      bytes += part;
      length -= part;
      peer->remaining -= part;
      continue;
    }
    char c = *bytes++;
    length--;
    if (c != '\n') {
      if (peer->header_length == sizeof peer->header - 1) die("a chunk size line is too long");
      if (c != '\r') peer->header[peer->header_length++] = (uint8_t)c;
      continue;
    }
    if (peer->header_length == 0) continue;
    peer->header[peer->header_length] = 0;
    peer->header_length = 0;
    peer->remaining = strtoull((char *)peer->header, NULL, 16);
    if (peer->remaining == 0) return 0;
  }
  return 1;
}

int stream_feed(struct peer *peer, char *bytes, size_t length, int64_t now) {
  if (!settings.event_stream) return feed_frames(peer, bytes, length, now);
  if (peer->chunked) return feed_chunks(peer, bytes, length, now);
  receive(peer, bytes, length, now);
  return 1;
}
