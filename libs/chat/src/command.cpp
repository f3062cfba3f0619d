#include "simplex/chat/command.hpp"

#include <array>
#include <charconv>

namespace simplex::chat {

namespace {

constexpr std::string_view blanks = " \t\r\n";

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::unexpected<Error> wrong(std::string text) { return fail(ErrorKind::malformed, std::move(text), Advice::ask_user); }

// Takes the first word away from the text.
std::string_view next_word(std::string_view& text) {
  const auto end = text.find_first_of(blanks);
  const std::string_view word = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view{} : trim(text.substr(end));
  return word;
}

// "name" or "'first last'", with or without '@' before it; takes it away from the text.
Result<std::string> next_name(std::string_view& text) {
  if (text.starts_with('@')) text.remove_prefix(1);
  if (!text.starts_with('\'')) {
    const std::string_view word = next_word(text);
    if (word.empty()) return wrong("The name of a contact is missing: @name, or @'first last'.");
    return std::string(word);
  }
  const auto end = text.find('\'', 1);
  if (end == std::string_view::npos) return wrong("The name has no closing quote: @'first last'.");
  const std::string name(text.substr(1, end - 1));
  if (name.empty()) return wrong("The name of a contact is empty.");
  text = trim(text.substr(end + 1));
  return name;
}

Result<Command> nothing_after(std::string_view rest, Command command) {
  if (!rest.empty())
    return wrong("Unexpected text after the command: " + std::string(rest.substr(0, 40)) + ". See /help.");
  return command;
}

Result<Command> parse_message(std::string_view line) {
  SIMPLEX_ASSIGN(auto name, next_name(line));
  if (line.empty()) return wrong("The message is empty: @" + quoted_name(name) + " text.");
  return command::SendMessage{std::move(name), std::string(line)};
}

Result<Command> parse_history(std::string_view rest) {
  command::ShowHistory history;
  if (rest.starts_with('@')) {
    SIMPLEX_ASSIGN(history.contact, next_name(rest));
  }
  if (rest.empty()) return history;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), history.count);
  if (error != std::errc{} || end != rest.data() + rest.size() || history.count < 1 ||
      history.count > max_history_count)
    return wrong("The number of messages must be from 1 to " + std::to_string(max_history_count) + ": /tail @name 20.");
  return history;
}

bool begins_a_link(std::string_view text) { return text.starts_with("simplex:/") || text.starts_with("https://"); }

// A link comes from a chat, a mail or a terminal, which break it into lines and put quotes or brackets around it.
std::string pasted_link(std::string_view text) {
  for (const std::string_view pair : {"''", "\"\"", "<>", "()", "``"}) {
    if (text.size() > 2 && text.front() == pair[0] && text.back() == pair[1]) {
      text = trim(text.substr(1, text.size() - 2));
      break;
    }
  }
  std::string link;
  for (const char c : text) {
    if (blanks.find(c) == std::string_view::npos) link += c;
  }
  return link;
}

Result<Command> parse_slash(std::string_view line) {
  const std::string_view word = next_word(line);
  const auto is = [word](std::string_view full, std::string_view abbreviation) {
    return word == full || word == abbreviation;
  };
  if (is("/connect", "/c")) {
    if (line.empty()) return command::CreateInvitation{};
    return command::Connect{pasted_link(line)};
  }
  if (is("/contacts", "/cs")) return nothing_after(line, command::ListContacts{});
  if (is("/tail", "/t")) return parse_history(line);
  if (is("/delete", "/d")) {
    SIMPLEX_ASSIGN(auto name, next_name(line));
    return nothing_after(line, command::DeleteContact{std::move(name)});
  }
  if (is("/user", "/u")) return nothing_after(line, command::ShowUser{});
  if (is("/help", "/h")) return command::Help{};
  if (is("/version", "/v")) return nothing_after(line, command::ShowVersion{});
  if (is("/quit", "/q")) return nothing_after(line, command::Quit{});
  return wrong("Unknown command: " + std::string(word.substr(0, 40)) + ". See /help.");
}

}  // namespace

Result<Command> parse_command(std::string_view line) {
  line = trim(line);
  if (line.starts_with('@')) return parse_message(line);
  if (line.starts_with('/')) return parse_slash(line);
  if (line.empty()) return wrong("Nothing to do. See /help.");
  if (begins_a_link(line)) return wrong("To connect by a link, write /c before it.");
  return wrong("To whom? Write @name text. Commands begin with /, as /help.");
}

std::string quoted_name(std::string_view name) {
  if (name.find(' ') == std::string_view::npos) return std::string(name);
  return '\'' + std::string(name) + '\'';
}

}  // namespace simplex::chat
