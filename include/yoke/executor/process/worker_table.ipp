// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/executor/process/worker_table.hpp>

namespace yoke::detail {

YOKE_INLINE std::string describe_fork_failure(int error) {
    std::string text = std::generic_category().message(error);
    if (error != EAGAIN) return text;
    rlimit processes{};
    ::getrlimit(RLIMIT_NPROC, &processes);
    text += " (EAGAIN: a limit of the number of processes is reached; this user's, RLIMIT_NPROC, is ";
    text += processes.rlim_cur == RLIM_INFINITY ? "none" : std::to_string(processes.rlim_cur);
    return text + ", and there is pids.max of its control groups)";
}

YOKE_INLINE std::string describe(const worker_end& end) {
    if (end.not_forked != 0) return "could be forked: " + describe_fork_failure(end.not_forked);
    if (end.signal == 0) return "exited with status " + std::to_string(end.status);
    const auto name = [&]() -> const char* {
        switch (end.signal) {
        case SIGKILL:
            return end.memory_ran_out ? " (SIGKILL; the system ran out of memory: the kernel counts a "
                                        "process that it has ended for that)"
                                      : " (SIGKILL)";
        case SIGSEGV: return " (SIGSEGV: it used memory it does not have)";
        case SIGBUS: return " (SIGBUS)";
        case SIGFPE: return " (SIGFPE)";
        case SIGILL: return " (SIGILL)";
        case SIGABRT: return " (SIGABRT)";
        case SIGTERM: return " (SIGTERM)";
        case SIGXCPU: return " (SIGXCPU: its CPU time was used up)";
        default: return "";
        }
    };
    return "was killed by signal " + std::to_string(end.signal) + name();
}

YOKE_INLINE process_crew::process_crew(process_host& host, std::shared_ptr<server_link> link,
                                       const process_board& board, const worker_terms& terms,
                                       std::vector<unsigned> processors, process_output& output)
    : output_(output),
      host_(host),
      link_(std::move(link)),
      board_(board),
      terms_(terms),
      processors_(std::move(processors)),
      places_(board.worker_count()) {}

YOKE_INLINE void process_crew::hire_first(std::uint32_t count) {
    for (std::uint32_t place = 0; place < count; ++place) hire(place);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return lost_ || !any(state::starting); });
    int failure = 0;
    for (const place_of_worker& p : places_)
        if (p.now == state::ended && p.end.not_forked != 0) failure = p.end.not_forked;
    if (!lost_ && failure == 0) return;
    const bool lost = lost_;
    lock.unlock();
    dismiss_all();
    if (lost) throw broken_pool("the fork server is gone, so no worker processes can be started");
    throw std::system_error(failure, std::generic_category(),
                            "cannot fork the " + std::to_string(count) +
                                " worker processes of a pool: " + describe_fork_failure(failure));
}

YOKE_INLINE void process_crew::hire(std::uint32_t place) noexcept {
    std::uint64_t number = 0;
    std::array<int, 2> streams{};
    int failure = 0;
    try {
        streams = output_.streams(place);
        number = host_.add_worker(*this);
    } catch (const std::system_error& refused) {
        failure = refused.code().value();
    } catch (...) {
        failure = ENOMEM;
    }
    std::uint64_t before = 0;
    {
        const std::lock_guard lock(mutex_);
        before = places_[place].number;
        places_[place] = {.number = number, .now = state::starting};
    }
    if (before != 0) host_.remove_worker(before);
    server_request request{.what = server_request::spawn,
                           .worker = number,
                           .entry = &serve_pool,
                           .streams = output_.collects() ? 1u : 0u,
                           .terms = terms_};
    request.terms.index = place;
    if (!processors_.empty())
        request.terms.processor = static_cast<std::int32_t>(processors_[place % processors_.size()]);
    if (failure == 0 && link_->send(request, streams)) return;
    const std::lock_guard lock(mutex_);
    if (failure == 0) lost_ = true;  // and the monitor is about to say so, if it runs
    places_[place].now = state::ended;
    places_[place].end = {.place = place, .not_forked = failure != 0 ? failure : EPIPE};
    tell();
}

YOKE_INLINE void process_crew::kill(std::uint32_t place) noexcept {
    const std::lock_guard lock(mutex_);
    if (places_[place].now == state::alive || places_[place].now == state::starting)
        static_cast<void>(link_->send(
            {.what = server_request::signal, .number = SIGKILL, .worker = places_[place].number}));
}

YOKE_INLINE void process_crew::dismiss(std::uint32_t place) noexcept {
    board_.desk(place).leave.store(1, std::memory_order_seq_cst);
    board_.wake(place);
}

YOKE_INLINE void process_crew::wake_all() noexcept {
    const std::lock_guard lock(mutex_);
    for (std::uint32_t place = 0; place < places_.size(); ++place)
        if (places_[place].now == state::alive || places_[place].now == state::starting) board_.wake(place);
}

YOKE_INLINE void process_crew::take_ends(std::vector<worker_end>& to) {
    news_.store(false, std::memory_order_seq_cst);
    const std::lock_guard lock(mutex_);
    for (place_of_worker& p : places_) {
        if (p.now != state::ended) continue;
        to.push_back(p.end);
        p.now = state::empty;
    }
}

YOKE_INLINE bool process_crew::lost() const noexcept {
    const std::lock_guard lock(mutex_);
    return lost_;
}

YOKE_INLINE int process_crew::pid(std::uint32_t place) const noexcept {
    const std::lock_guard lock(mutex_);
    return places_[place].pid;
}

YOKE_INLINE std::vector<int> process_crew::pids() const {
    const std::lock_guard lock(mutex_);
    std::vector<int> living;
    for (const place_of_worker& p : places_)
        if (p.now == state::alive) living.push_back(p.pid);
    return living;
}

YOKE_INLINE void process_crew::dismiss_all() noexcept {
    board_.header().stop.store(1, std::memory_order_seq_cst);
    wake_all();
    std::unique_lock lock(mutex_);
    const auto gone = [this] { return lost_ || !(any(state::alive) || any(state::starting)); };
    if (!changed_.wait_for(lock, std::chrono::seconds(1), gone)) {
        for (std::uint32_t place = 0; place < places_.size(); ++place) {
            lock.unlock();
            kill(place);
            lock.lock();
        }
        changed_.wait(lock, gone);
    }
    for (place_of_worker& p : places_) {
        const std::uint64_t number = p.number;
        lock.unlock();
        host_.remove_worker(number);
        lock.lock();
    }
}

YOKE_INLINE bool process_crew::any(state wanted) const noexcept {
    for (const place_of_worker& p : places_)
        if (p.now == wanted) return true;
    return false;
}

YOKE_INLINE void process_crew::worker_event(const server_event& event) noexcept {
    const std::lock_guard lock(mutex_);
    for (std::uint32_t i = 0; i < places_.size(); ++i)
        if (places_[i].number == event.worker) note(i, event);
    tell();
}

YOKE_INLINE void process_crew::note(std::uint32_t index, const server_event& event) noexcept {
    place_of_worker& place = places_[index];
    switch (event.what) {
    case server_event::spawned:
        place.pid = event.pid;
        place.now = state::alive;
        break;
    case server_event::spawn_failed:
        place.end = {.place = index, .not_forked = event.code != 0 ? event.code : EAGAIN};
        place.now = state::ended;
        break;
    case server_event::died:
        place.end = {.place = index, .pid = event.pid};
        (event.code == CLD_EXITED ? place.end.status : place.end.signal) = event.status;
        place.end.memory_ran_out = place.end.signal == SIGKILL && host_.memory_ran_out();
        if (event.code == CLD_EXITED && event.status == 0)
            place.end.left = board_.desk(index).left.load(std::memory_order_acquire);
        place.now = state::ended;
        break;
    default: break;
    }
}

YOKE_INLINE void process_crew::server_lost() noexcept {
    const std::lock_guard lock(mutex_);
    lost_ = true;
    tell();
}

YOKE_INLINE void process_crew::tell() noexcept {
    news_.store(true, std::memory_order_seq_cst);
    changed_.notify_all();
    board_.call_collector_surely();
}

}  // namespace yoke::detail
