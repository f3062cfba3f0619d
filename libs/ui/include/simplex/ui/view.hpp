// What a person sees: lines of text for answers, happenings and errors. Text that came from others is shown without
// control characters, so that it cannot steer the terminal.
#pragma once

#include <string>
#include <vector>

#include "simplex/chat/chat.hpp"

namespace simplex::ui {

using Lines = std::vector<std::string>;

[[nodiscard]] Lines lines_of(const chat::Answer& answer);
[[nodiscard]] Lines lines_of(const Error& error);
// Nothing for what only a log should say (relay up, message delivered) unless `verbose`.
[[nodiscard]] Lines lines_of(const chat::Happening& happening, bool verbose);
// "09:35 bob> hello" or "09:35 @bob hello"
[[nodiscard]] Lines lines_of(const chat::Item& item);

[[nodiscard]] std::string without_control_characters(std::string_view text);

}  // namespace simplex::ui
