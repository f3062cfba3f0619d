// What a contact is called here. The peer's own display name may be anything; this one is typed in commands and stands
// before every text.
#pragma once

#include <string>
#include <string_view>

namespace simplex::chat {

// 1 to 50 characters of the name: without control characters and invisible ones, which would let two names look the
// same, no spaces at the ends, and nothing that commands could not take. "contact" when nothing is left.
[[nodiscard]] std::string contact_name_from(std::string_view display_name);

}  // namespace simplex::chat
