// One joined line to one typed instruction.
#ifndef CORACLE_BUILD_PARSE_INSTRUCTION_H_
#define CORACLE_BUILD_PARSE_INSTRUCTION_H_

#include "absl/status/statusor.h"
#include "build/dockerfile.h"
#include "build/dockerfile_lines.h"

namespace coracle::build {

// Errors: InvalidArgument with the line's position; the message begins with the instruction's name.
absl::StatusOr<Instruction> ParseInstruction(const InstructionLine& line, char escape);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_PARSE_INSTRUCTION_H_
