// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/wire/stream.hpp>

namespace yoke {

YOKE_INLINE void wire_writer::no_room(std::size_t count) const {
    throw message_too_large("cannot encode " + std::to_string(count) + " bytes at byte " +
                            std::to_string(size_) + ": the room has " + std::to_string(limit_) +
                            "; the value changed after it was measured, or its codec's size() is too small");
}

YOKE_INLINE void wire_reader::fail(const char* what, const std::string& why) const {
    throw decode_error(std::string("cannot decode ") + what + " at byte " + std::to_string(at_) + " of " +
                       std::to_string(data_.size()) + ": " + why);
}

}  // namespace yoke
