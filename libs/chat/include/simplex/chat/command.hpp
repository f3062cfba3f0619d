// What a user types. `/` begins a command, `@name` a message; a name with spaces stands in single quotes.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "simplex/base/result.hpp"

namespace simplex::chat {

namespace command {
struct CreateInvitation {};  // /c, /connect
struct Connect {             // /c LINK
  std::string link;
};
struct SendMessage {  // @name text
  std::string contact;
  std::string text;
};
struct ListContacts {};  // /contacts, /cs
struct ShowHistory {     // /tail [@name] [count], /t
  std::string contact;   // empty: of all contacts
  int count = 20;
};
struct DeleteContact {  // /delete @name, /d @name
  std::string contact;
};
struct ShowUser {};     // /user, /u
struct Help {};         // /help, /h
struct ShowVersion {};  // /version, /v
struct Quit {};         // /quit, /q
}  // namespace command

using Command = std::variant<command::CreateInvitation, command::Connect, command::SendMessage, command::ListContacts,
                             command::ShowHistory, command::DeleteContact, command::ShowUser, command::Help,
                             command::ShowVersion, command::Quit>;

inline constexpr int max_history_count = 1000;

// malformed: with a text that says what is expected.
[[nodiscard]] Result<Command> parse_command(std::string_view line);

// As it is typed after '@': in quotes when it has spaces.
[[nodiscard]] std::string quoted_name(std::string_view name);

}  // namespace simplex::chat
