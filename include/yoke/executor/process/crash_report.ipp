// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/executor/process/crash_report.hpp>

namespace yoke::detail {

YOKE_INLINE std::string crash_report::take() {
    const std::size_t bytes = std::min<std::size_t>(size.exchange(0, std::memory_order_acquire), text.size());
    // A copy: what a task may have written over must not change while it is looked at.
    const std::string lines(text.data(), bytes);
    std::string readable;
    for (std::size_t at = 0; at < lines.size();) {
        const std::size_t end = std::min(lines.find('\n', at), lines.size());
        readable += with_readable_name(std::string_view(lines).substr(at, end - at));
        readable += '\n';
        at = end + 1;
    }
    return readable;
}

YOKE_INLINE std::string crash_report::with_readable_name(std::string_view line) {
    const std::size_t open = line.find('(');
    const std::size_t plus = line.find('+', open == line.npos ? 0 : open);
    std::string whole(line);
    for (char& c : whole)
        if (static_cast<unsigned char>(c) < ' ') c = '?';
    if (open == line.npos || plus == line.npos || plus == open + 1) return whole;
    const std::string name = whole.substr(open + 1, plus - open - 1);
    const std::unique_ptr<char, void (*)(void*)> plain(
        abi::__cxa_demangle(name.c_str(), nullptr, nullptr, nullptr), &std::free);
    return plain ? whole.replace(open + 1, name.size(), plain.get()) : whole;
}

YOKE_INLINE void crash_handler::install(crash_report& to) noexcept {
#if YOKE_HAS_BACKTRACE
    constexpr std::size_t stack_size = std::size_t{256} << 10;
    void* const stack = sys.mmap(nullptr, stack_size, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED) return;
    stack_t own{};
    own.ss_sp = stack;
    own.ss_size = stack_size;
    file_ = sys.memfd_create("yoke-crash", MFD_CLOEXEC);
    if (file_ < 0 || ::sigaltstack(&own, nullptr) != 0) return;
    place_ = &to;
    void* first[1];
    static_cast<void>(::backtrace(first, 1));  // loads what it needs
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
        struct sigaction before {};
        if (::sigaction(signal, nullptr, &before) != 0 || (before.sa_flags & SA_SIGINFO) != 0 ||
            before.sa_handler != SIG_DFL)
            continue;
        struct sigaction action {};
        action.sa_handler = &report;
        action.sa_flags = static_cast<int>(SA_ONSTACK | SA_RESETHAND);
        ::sigaction(signal, &action, nullptr);
    }
#else
    static_cast<void>(to);
#endif
}

}  // namespace yoke::detail

#if YOKE_HAS_BACKTRACE

namespace yoke::detail {

YOKE_INLINE void crash_handler::report(int signal) noexcept {
    static std::atomic_flag begun = ATOMIC_FLAG_INIT;
    if (!begun.test_and_set() && !forked_by_worker()) {
        signal_ = signal;
        struct sigaction enough {};
        enough.sa_handler = [](int) { die_of(signal_); };
        ::sigaction(SIGALRM, &enough, nullptr);
        sigset_t alarm_only;
        ::sigemptyset(&alarm_only);
        ::sigaddset(&alarm_only, SIGALRM);
        ::pthread_sigmask(SIG_UNBLOCK, &alarm_only, nullptr);
        ::alarm(2);
        // This function and the trampoline that called it come first.
        constexpr int ours = 2;
        std::array<void*, 96> frames;
        const int depth = ::backtrace(frames.data(), static_cast<int>(frames.size()));
        if (depth > ours) ::backtrace_symbols_fd(frames.data() + ours, depth - ours, file_);
        const ssize_t size = ::pread(file_, place_->text.data(), place_->text.size(), 0);
        if (size > 0) place_->size.store(static_cast<std::uint32_t>(size), std::memory_order_release);
        ::alarm(0);
    }
    die_of(signal);
}

YOKE_INLINE void crash_handler::die_of(int signal) noexcept {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    ::sigaction(signal, &action, nullptr);
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, signal);
    ::raise(signal);  // waits until it may come
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace yoke::detail

#endif
