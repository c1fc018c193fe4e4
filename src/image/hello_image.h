// The image "hello", made from the program that the binary carries.
#ifndef CORACLE_IMAGE_HELLO_IMAGE_H_
#define CORACLE_IMAGE_HELLO_IMAGE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "store/store.h"

namespace coracle::image {

// Whether `reference` is hello, hello:latest or those with localhost/ in front.
bool IsHello(absl::string_view reference);

// Puts the image into the store as localhost/hello:latest. The same binary always makes the same image.
absl::Status MakeHelloImage(const store::Store& store);

}  // namespace coracle::image

#endif  // CORACLE_IMAGE_HELLO_IMAGE_H_
