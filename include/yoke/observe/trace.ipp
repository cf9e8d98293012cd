// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/observe/trace.hpp>

namespace yoke {

YOKE_INLINE void trace::name_thread(std::string_view name) {
    if (buffer* const own = mine()) {
        const std::lock_guard lock(mutex_);
        own->thread_name = name;
    }
}

YOKE_INLINE void trace::save(const std::string& path) const {
    std::FILE* const file = std::fopen(path.c_str(), "w");
    bool written = file != nullptr;
    int error = errno;
    if (written) {
        write_by([&](std::string_view text) {
            written = written && std::fwrite(text.data(), 1, text.size(), file) == text.size();
            if (!written) error = errno;
        });
        const bool closed = std::fclose(file) == 0;
        if (written && !closed) error = errno;
        written = written && closed;
    }
    if (!written)
        throw std::system_error(error, std::generic_category(), "cannot write the trace to " + path);
}

YOKE_INLINE void trace::worker_started(std::string_view pool, std::size_t worker) noexcept {
    try {
        name_thread(std::string(pool) + "-" + std::to_string(worker));
    } catch (...) {
        // No memory for a name; the thread keeps its number.
    }
}

YOKE_INLINE void trace::buffer::begin(std::string_view name) noexcept {
    if (size_.load(std::memory_order_relaxed) + open_ + 2 > room_) {
        ++left_out_;
        note_dropped();
    } else {
        ++open_;
        add('B', name);
    }
}

YOKE_INLINE void trace::buffer::end() noexcept {
    if (left_out_ != 0) {
        --left_out_;
    } else {
        --open_;
        add('E', {});
    }
}

YOKE_INLINE void trace::buffer::mark(std::string_view name) noexcept {
    if (size_.load(std::memory_order_relaxed) + open_ + 1 > room_) {
        note_dropped();
    } else {
        add('i', name);
    }
}

YOKE_INLINE void trace::buffer::add(char phase, std::string_view name) noexcept {
    const std::size_t at = size_.load(std::memory_order_relaxed);
    entry& it = entries_[at];
    it.time = std::chrono::duration_cast<std::chrono::nanoseconds>(clock::now() - start_).count();
    it.phase = phase;
    it.name_size =
        static_cast<unsigned char>(name.copy(it.name, detail::whole_characters(name, longest_name)));
    // release: who reads the size reads what the entry says.
    size_.store(at + 1, std::memory_order_release);
}

YOKE_INLINE trace::buffer* trace::mine() noexcept {
    thread_record& me = this_thread();
    if (me.trace == number_) return me.its_buffer;
    try {
        const std::lock_guard lock(mutex_);
        buffer* found = nullptr;
        for (const auto& each : buffers_) {
            if (each->thread == me.number) found = each.get();
        }
        if (found == nullptr) {
            buffers_.push_back(std::make_unique<buffer>(*this, entries_));
            found = buffers_.back().get();
        }
        me.trace = number_;
        me.its_buffer = found;
        return found;
    } catch (...) {
        unbuffered_.fetch_add(1, std::memory_order_relaxed);
        return nullptr;
    }
}

}  // namespace yoke
