// SPDX-License-Identifier: MIT
#pragma once

/// Prepares a program for process pools. One line at the top of `main`:
///
///     int main(int argc, char** argv) {
///         yoke::runtime rt{argc, argv};
///         ...
///     }
///
/// It forks the *fork server* while the program still has one thread. From then on process pools can be made, and dead workers
/// replaced, at any time and from any thread; start-up costs do not depend on how large the program has grown. A program that
/// makes its first process pool (or `shared_memory_resource`) before its first thread does not need the line.
///
/// The workers are images of the program at this moment: they have its globals, working directory, environment
/// and loaded libraries as they are *here*, not as they are later.

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/process/host.hpp>

#include <cstdint>

namespace yoke {

/// What a `runtime` is made with.
struct runtime_options {
    /// The most bytes of shared memory that the program's pools, queues and `shared_memory_resource`s may take together; 0
    /// means half of the memory of the machine, or of the control group (container) if that has less. More is refused with
    /// std::system_error (ENOMEM), which names the sizes; whatever this says, so is the last sixteenth of the memory that is
    /// available. (Without a bound the kernel would promise all, and end processes when the promise falls due.)
    std::uint64_t shared_memory = 0;
};

/// Owns the fork server's life inside `main`. Make one, at the top, and keep it until the end; a second one does nothing.
class runtime {
public:
    /// Starts the fork server. `argc` and `argv` are those of main and are left alone.
    ///
    /// Throws unsafe_fork if the program has further threads already, and std::system_error if the system refuses a
    /// process or shared memory.
    runtime([[maybe_unused]] int& argc, [[maybe_unused]] char**& argv, const runtime_options& options = {})
        : runtime(options) {}
    explicit runtime(const runtime_options& options);
    runtime() : runtime(runtime_options{}) {}

    runtime(const runtime&) = delete;
    runtime& operator=(const runtime&) = delete;

    /// Ends the fork server, unless a pool still uses it; then, or if the program leaves main by exit(), the server ends
    /// with the program.
    ~runtime() { host_.stop(); }

private:
    detail::process_host& host_;
};

}  // namespace yoke

#if YOKE_IS_HEADER_ONLY
#include <yoke/runtime.ipp>
#endif
