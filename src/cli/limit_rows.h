// The rows of options that limit what a container uses, read by ReadLimitOptions: of `run`, `create`,
// `build`.
#ifndef CORACLE_CLI_LIMIT_ROWS_H_
#define CORACLE_CLI_LIMIT_ROWS_H_

#include "cli/command_table.h"

namespace coracle::cli {

inline constexpr Option kLimitRows[] = {
    Typed(OptionType::kUint, "blkio-weight", '\0', "WEIGHT", "Share of block I/O, 10 to 1000")
        .In(Section::kResources),
    CsvList("blkio-weight-device", '\0', "DEVICE:WEIGHT", "Share of block I/O of a device")
        .In(Section::kResources),
    String("cgroup-parent", '\0', "PATH", "Cgroup below which the container's is made")
        .In(Section::kResources),
    String("cgroups", '\0', "MODE",
           "Where the cgroup is made: enabled (anywhere), no-conmon (the monitor stays where it is), split "
           "(below the unit that we run in), disabled")
        .In(Section::kResources)
        .Default("enabled"),
    Typed(OptionType::kUint, "cpu-period", '\0', "MICROSECONDS", "Period of the CPU quota")
        .In(Section::kResources),
    Typed(OptionType::kInt, "cpu-quota", '\0', "MICROSECONDS", "CPU time in each period")
        .In(Section::kResources),
    Typed(OptionType::kUint, "cpu-rt-period", '\0', "MICROSECONDS", "Period of real-time CPU time")
        .In(Section::kResources),
    Typed(OptionType::kInt, "cpu-rt-runtime", '\0', "MICROSECONDS", "Real-time CPU time in each period")
        .In(Section::kResources),
    Typed(OptionType::kUint, "cpu-shares", 'c', "SHARES", "Share of CPU time when it is scarce")
        .In(Section::kResources),
    Typed(OptionType::kFloat, "cpus", '\0', "COUNT", "Number of CPUs, 0.5 for half of one")
        .In(Section::kResources),
    String("cpuset-cpus", '\0', "CPUS", "CPUs it may run on: 0-3,5").In(Section::kResources),
    String("cpuset-mems", '\0', "NODES", "Memory nodes it may use").In(Section::kResources),
    List("device-cgroup-rule", '\0', "RULE", "Allow devices: 'c 13:* rwm'").In(Section::kResources),
    CsvList("device-read-bps", '\0', "DEVICE:SIZE", "Limit bytes read per second").In(Section::kResources),
    CsvList("device-read-iops", '\0', "DEVICE:COUNT", "Limit reads per second").In(Section::kResources),
    CsvList("device-write-bps", '\0', "DEVICE:SIZE", "Limit bytes written per second")
        .In(Section::kResources),
    CsvList("device-write-iops", '\0', "DEVICE:COUNT", "Limit writes per second").In(Section::kResources),
    List("gpus", '\0', "GPUS", "Make GPUs available").In(Section::kResources).NotYet(),
    Typed(OptionType::kSize, "memory", 'm', "SIZE", "Limit of memory").In(Section::kResources),
    Typed(OptionType::kSize, "memory-reservation", '\0', "SIZE",
          "Memory that is left to it when memory is scarce")
        .In(Section::kResources),
    String("memory-swap", '\0', "SIZE", "Limit of memory and swap together; -1: no limit")
        .In(Section::kResources),
    Typed(OptionType::kInt, "memory-swappiness", '\0', "PERCENT",
          "Readiness to swap, 0 to 100; -1: the host's")
        .In(Section::kResources)
        .Default("-1"),
    Flag("oom-kill-disable", '\0', "Do not kill it when it exceeds its memory (cgroup v1)")
        .In(Section::kResources),
    Typed(OptionType::kInt, "oom-score-adj", '\0', "SCORE",
          "How ready the kernel is to kill it, -1000 to 1000")
        .In(Section::kResources),
    Typed(OptionType::kInt, "pids-limit", '\0', "COUNT", "Limit of processes and threads; -1: none")
        .In(Section::kResources),
    CsvList("ulimit", '\0', "NAME=SOFT[:HARD]", "Set a resource limit; host: those of the caller")
        .In(Section::kResources),
};

}  // namespace coracle::cli

#endif  // CORACLE_CLI_LIMIT_ROWS_H_
