// SPDX-License-Identifier: MIT
//
// Catch2's runner, by itself: in version 2 it is all of Catch2, which takes longer to compile than any test. And what says
// where a test case hangs, before ctest ends the program without a word.
#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>
#include <catch2/catch_test_case_info.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
using listener_base = Catch::EventListenerBase;
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
using listener_base = Catch::TestEventListenerBase;
#endif

#if defined(__GLIBC__)
#include <execinfo.h>
#define YOKE_TEST_STACKS 1
#endif

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

/// Seconds that a test case may take. ctest's limit (tests/CMakeLists.txt) is longer.
constexpr unsigned most_seconds = YOKE_TEST_TIMEOUT - YOKE_TEST_TIMEOUT / 8;

char test_case[256];
constexpr int show_stack = SIGUSR2;

void write_text(const char* text) { static_cast<void>(!::write(STDERR_FILENO, text, std::strlen(text))); }

extern "C" void print_stack(int) {
#if defined(YOKE_TEST_STACKS)
    void* frames[64];
    ::backtrace_symbols_fd(frames, ::backtrace(frames, 64), STDERR_FILENO);
#endif
}

/// Prints what each thread waits for and where it is. The program is lost, so this may call what a signal handler must
/// not; if that hangs, too, the second alarm ends the program.
extern "C" void print_all_and_abort(int) {
    std::signal(SIGALRM, SIG_DFL);
    ::alarm(10);
    write_text("\nthe test case hangs: ");
    write_text(test_case);
    write_text("\n");
    std::signal(show_stack, &print_stack);
    if (DIR* const tasks = ::opendir("/proc/self/task")) {
        while (const dirent* const entry = ::readdir(tasks)) {
            const int tid = std::atoi(entry->d_name);
            if (tid == 0) continue;
            char path[64];
            char waits[64] = "?";
            std::snprintf(path, sizeof path, "/proc/self/task/%d/wchan", tid);
            if (const int file = ::open(path, O_RDONLY | O_CLOEXEC); file >= 0) {
                const auto got = ::read(file, waits, sizeof waits - 1);
                if (got > 0) waits[got] = '\0';
                ::close(file);
            }
            char line[160];
            std::snprintf(line, sizeof line, "thread %d, in %s:\n", tid, waits);
            write_text(line);
            ::syscall(SYS_tgkill, ::getpid(), tid, show_stack);
            ::usleep(100'000);  // so that the stacks do not mix
        }
        ::closedir(tasks);
    }
    std::abort();
}

class hang_listener : public listener_base {
public:
    using listener_base::listener_base;

    void testCaseStarting(const Catch::TestCaseInfo& info) override {
        std::snprintf(test_case, sizeof test_case, "%s", info.name.c_str());
        std::signal(SIGALRM, &print_all_and_abort);
        ::alarm(most_seconds);
    }
    void testCaseEnded(const Catch::TestCaseStats&) override { ::alarm(0); }
};

CATCH_REGISTER_LISTENER(hang_listener)

}  // namespace

int run_catch(int argc, char** argv);

int run_catch(int argc, char** argv) {
#if defined(YOKE_TEST_STACKS)
    void* frame = nullptr;
    ::backtrace(&frame, 1);  // the first call loads a library
#endif
    return Catch::Session().run(argc, argv);
}
