// Tables of <prefix>_chat.db.
#pragma once

#include <span>

#include "simplex/store/migrations.hpp"

namespace simplex::chat {

[[nodiscard]] std::span<const store::Migration> chat_migrations();

}  // namespace simplex::chat
