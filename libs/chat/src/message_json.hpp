// One chat message and its JSON object.
#pragma once

#include "simplex/chat/message.hpp"
#include "json.hpp"

namespace simplex::chat {

[[nodiscard]] Result<ChatMessage> message_from_json(const json::value& v);
[[nodiscard]] Result<Profile> profile_from_json(const json::object& o);
[[nodiscard]] json::object profile_to_json(const Profile& profile);

}  // namespace simplex::chat
