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

#include <yoke/detail/process_host.hpp>

namespace yoke {

/// Owns the fork server's life inside `main`. Make one, at the top, and keep it until the end; a second one does nothing.
class runtime {
public:
    /// Starts the fork server. `argc` and `argv` are those of main and are left alone.
    ///
    /// Throws unsafe_fork if the program has further threads already, and std::system_error if the system refuses a
    /// process or shared memory.
    runtime([[maybe_unused]] int& argc, [[maybe_unused]] char**& argv) : runtime() {}
    runtime() : host_(detail::process_host::instance()) { host_.start(); }

    runtime(const runtime&) = delete;
    runtime& operator=(const runtime&) = delete;

    /// Ends the fork server, unless a pool still uses it; then, or if the program leaves main by exit(), the server ends
    /// with the program.
    ~runtime() { host_.stop(); }

private:
    detail::process_host& host_;
};

}  // namespace yoke
