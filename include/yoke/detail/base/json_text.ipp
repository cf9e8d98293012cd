// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/detail/base/json_text.hpp>

namespace yoke::detail {

YOKE_INLINE std::size_t character_length(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    if (byte(0) < 0x80) return 1;
    // The second byte's range excludes what could be written shorter, surrogates, and what is beyond U+10FFFF.
    std::size_t length = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (byte(0) >= 0xC2 && byte(0) <= 0xDF) {
        length = 2;
    } else if (byte(0) >= 0xE0 && byte(0) <= 0xEF) {
        length = 3;
        if (byte(0) == 0xE0) low = 0xA0;
        if (byte(0) == 0xED) high = 0x9F;
    } else if (byte(0) >= 0xF0 && byte(0) <= 0xF4) {
        length = 4;
        if (byte(0) == 0xF0) low = 0x90;
        if (byte(0) == 0xF4) high = 0x8F;
    }
    if (length == 0 || text.size() < length || byte(1) < low || byte(1) > high) return 0;
    for (std::size_t i = 2; i != length && length > 2; ++i) {
        if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
    }
    return length;
}

YOKE_INLINE std::size_t whole_characters(std::string_view text, std::size_t most) noexcept {
    if (text.size() <= most) return text.size();
    std::size_t end = most;
    // At most three bytes belong to a character that began before `end`.
    while (end != 0 && most - end < 3 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    return (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80 ? most : end;
}

YOKE_INLINE void append_json_string(std::string& to, std::string_view text) {
    to += '"';
    while (!text.empty()) {
        const std::size_t length = character_length(text);
        const auto byte = static_cast<unsigned char>(text.front());
        if (length == 0) {
            to += "\\ufffd";
        } else if (byte == '"' || byte == '\\') {
            to += '\\';
            to += text.front();
        } else if (byte < 0x20 || byte == 0x7F) {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(byte));
            to += escaped;
        } else {
            to += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    to += '"';
}

}  // namespace yoke::detail
