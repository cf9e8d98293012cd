// SPDX-License-Identifier: MIT
#pragma once

/// Text as JSON wants it: in quotes, with its special characters escaped, and in valid UTF-8.

#include <yoke/detail/base/config.hpp>

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

namespace yoke::detail {

/// The length of the UTF-8 character with which `text` begins (which is not empty); 0 if that is none.
std::size_t character_length(std::string_view text) noexcept;

/// The most bytes of `text`, but no more than `most`, that do not end in the middle of a UTF-8 character.
std::size_t whole_characters(std::string_view text, std::size_t most) noexcept;

/// Appends `text` as a JSON string. Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& to, std::string_view text);

}  // namespace yoke::detail

#if YOKE_IS_HEADER_ONLY
#include <yoke/detail/base/json_text.ipp>
#endif
