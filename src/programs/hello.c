// The program of the embedded image "hello": a new user's first container tells what just happened, with
// facts that it looked up itself, and names three commands to try next.
#include <linux/utsname.h>

#include "programs/sys.h"

void Start(long* stack) {
  (void)stack;
  struct new_utsname host;
  if (CALL1(__NR_uname, &host) < 0) host.nodename[0] = '\0';
  struct Line line;
  line.size = 0;
  AddText(&line,
          "Welcome aboard! This is a container, and coracle works here.\n"
          "\n"
          "What just happened, with no daemon and no download:\n"
          "  - coracle unpacked the image \"hello\", which it carries in its own binary,\n"
          "  - made new namespaces, so that this host name is ");
  AddText(&line, host.nodename);
  AddText(&line,
          ",\n"
          "  - and ran /hello in a root of its own, as process ");
  AddNumber(&line, (unsigned long)CALL1(__NR_getpid, 0));
  AddText(&line, " with user id ");
  AddNumber(&line, (unsigned long)CALL1(__NR_getuid, 0));
  AddText(&line,
          ".\n"
          "\n"
          "Try next:\n"
          "  coracle info                        what this host allows\n"
          "  coracle import debian.tar debian    an image from a root file system\n"
          "  coracle run --rm -it debian bash    a shell in it\n");
  Write(1, line.data, line.size);
  Exit(0);
}
