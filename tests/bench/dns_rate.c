// How many questions for one name a resolver answers: dns_rate ADDRESS PORT NAME SECONDS, with 32 questions
// under way. Prints answers a second; ends with 1 if any answer has no address.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { kWindow = 32 };

static size_t Question(unsigned char* out, unsigned id, const char* name) {
  const unsigned char header[12] = {(unsigned char)(id >> 8), (unsigned char)id, 1, 0, 0, 1};
  memcpy(out, header, sizeof(header));
  size_t at = sizeof(header);
  while (*name != '\0') {
    const size_t label = strcspn(name, ".");
    out[at++] = (unsigned char)label;
    memcpy(out + at, name, label);
    at += label;
    name += label + (name[label] == '.');
  }
  const unsigned char end[5] = {0, 0, 1, 0, 1};  // the root, type A, class IN
  memcpy(out + at, end, sizeof(end));
  return at + sizeof(end);
}

static double Now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char** argv) {
  if (argc != 5 || strlen(argv[3]) > 200) return 2;
  struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[2]))};
  if (inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) return 2;
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr*)&server, sizeof(server)) != 0) return 2;
  unsigned char message[512];
  unsigned id = 0, under_way = 0;
  long answers = 0, wrong = 0;
  const double begin = Now(), end = begin + atof(argv[4]);
  while (Now() < end) {
    for (; under_way < kWindow; ++under_way) {
      const size_t size = Question(message, ++id & 0xffff, argv[3]);
      if (send(fd, message, size, 0) < 0) break;
    }
    struct pollfd readable = {fd, POLLIN, 0};
    if (poll(&readable, 1, 100) <= 0) under_way = 0;  // lost
    ssize_t got;
    while ((got = recv(fd, message, sizeof(message), MSG_DONTWAIT)) > 0) {
      ++answers;
      if (under_way > 0) --under_way;
      if (got < 12 || (message[3] & 15) != 0 || message[7] == 0) ++wrong;
    }
  }
  printf("%.0f\n", (double)answers / (Now() - begin));
  return wrong != 0;
}
