/* What the program `handover` says over its socket when nothing could be executed: one message of this size.
 * It is laid out as the runtime's own messages are (runtime/setup_step.h, which asserts it). C and C++. */
#ifndef CORACLE_PROGRAMS_HANDOVER_H_
#define CORACLE_PROGRAMS_HANDOVER_H_

#define CORACLE_HANDOVER_KIND 8

struct HandoverMessage {
  int kind;      /* CORACLE_HANDOVER_KIND */
  int reserved;  /* 0 */
  int error;     /* of the candidate, as errno */
  int candidate; /* its index; -1: none of them was there, or with EACCES none could be executed */
  int exists;    /* not 0: the candidate is there, so that ENOENT speaks of its interpreter */
  char unused[236];
};

#endif /* CORACLE_PROGRAMS_HANDOVER_H_ */
