#include "simplex/ui/view.hpp"

#include <fmt/format.h>

#include <ctime>

#include "simplex/base/program.hpp"

namespace simplex::ui {

namespace {

std::string clock_time(WallTime time) {
  const std::time_t seconds = static_cast<std::time_t>(seconds_since_epoch(time));
  std::tm local{};
  if (localtime_r(&seconds, &local) == nullptr) return "--:--";
  return fmt::format("{:02}:{:02}", local.tm_hour, local.tm_min);
}

// The first line gets the prefix; the following lines of a text are indented, so that they cannot pass for others.
Lines prefixed(const std::string& prefix, const std::string& text) {
  Lines lines;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back((lines.empty() ? prefix : "      ") + without_control_characters(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return lines;
}

// smp://FINGERPRINT@host:port is for links; a person knows the relay by its host.
std::string host_of(std::string_view relay) { return without_control_characters(relay.substr(relay.find('@') + 1)); }

std::string name_of(std::string_view name) { return without_control_characters(name); }

std::string full_name_of(const chat::Contact& contact) {
  if (contact.full_name.empty() || contact.full_name == contact.name) return name_of(contact.name);
  return name_of(contact.name) + " (" + without_control_characters(contact.full_name) + ")";
}

std::string state_of(const chat::Contact& contact) {
  switch (contact.state) {
    case chat::ContactState::connecting: return ", connecting";
    case chat::ContactState::connected: return "";
    case chat::ContactState::deleted_by_peer: return ", has deleted the conversation";
  }
  return "";
}

Lines help() {
  return {
      "Connect:",
      "  /c                    create a one-time link, to be sent to one person in any other way",
      "  /c LINK               connect by the link that somebody gave you",
      "Talk:",
      "  @name text            send a message to a contact; @'first last' when the name has spaces",
      "  /tail [@name] [N]     the last N messages (20), of one contact or of all        (/t)",
      "Contacts:",
      "  /contacts             list them                                                 (/cs)",
      "  /delete @name         delete a contact and the conversation, and tell them      (/d)",
      "Other:",
      "  /user                 your own profile                                          (/u)",
      "  /version              the version of this program                               (/v)",
      "  /help                 this text                                                 (/h)",
      "  /quit                 leave; what is on its way is sent at the next start       (/q)",
  };
}

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

}  // namespace

std::string without_control_characters(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octet = static_cast<unsigned char>(text[i]);
    // C1 controls are C2 80..9F in UTF-8; some terminals obey them.
    const bool c1 = octet == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (c1) {
      shown += ' ';
      ++i;
    } else {
      shown += octet < 0x20 || octet == 0x7F ? ' ' : text[i];
    }
  }
  return shown;
}

Lines lines_of(const chat::Item& item) {
  const std::string name = name_of(item.contact);
  if (item.status == chat::ItemStatus::notice)
    return {clock_time(item.time) + " " + name + ": " + without_control_characters(item.text)};
  if (item.direction == chat::Direction::received)
    return prefixed(clock_time(item.time) + " " + name + "> ", item.text);
  Lines lines = prefixed(clock_time(item.time) + " @" + chat::quoted_name(name) + " ", item.text);
  if (item.status == chat::ItemStatus::failed) lines.back() += "  [not delivered]";
  return lines;
}

Lines lines_of(const chat::Answer& answer) {
  namespace a = chat::answer;
  return std::visit(
      Overloaded{
          [](const a::Invitation& i) -> Lines {
            return {"Give this one-time link to one person, in any other way:", "", i.link, "",
                    "They connect with: /c LINK"};
          },
          [](const a::ConfirmationSent&) -> Lines { return {"confirmation sent!"}; },
          [](const a::StillConnecting&) -> Lines {
            return {"The relay cannot be reached yet. It goes on by itself, also after a restart.",
                    "If it lasts: does the relay run, and is its address right (-s)?"};
          },
          [](const a::Contacts& c) -> Lines {
            if (c.contacts.empty()) return {"No contacts yet. /c makes a link for somebody."};
            Lines lines;
            for (const auto& contact : c.contacts) lines.push_back(full_name_of(contact) + state_of(contact));
            return lines;
          },
          [](const a::MessageAccepted& m) { return lines_of(m.item); },
          [](const a::History& h) -> Lines {
            if (h.items.empty()) return {"No messages yet."};
            Lines lines;
            for (const auto& item : h.items) {
              for (auto& line : lines_of(item)) lines.push_back(std::move(line));
            }
            return lines;
          },
          [](const a::ContactDeleted& d) -> Lines { return {name_of(d.contact) + ": contact is deleted"}; },
          [](const a::User& u) -> Lines {
            return {"user profile: " + u.name + (u.full_name.empty() ? "" : " (" + u.full_name + ")")};
          },
          [](const a::Help&) { return help(); },
          [](const a::Version&) -> Lines { return {"simplex-chat " + std::string(program_version())}; },
          [](const a::Quit&) -> Lines { return {}; },
      },
      answer);
}

Lines lines_of(const Error& error) { return {"error: " + without_control_characters(error.message)}; }

Lines lines_of(const chat::Happening& happening, bool verbose) {
  namespace h = chat::happening;
  return std::visit(
      Overloaded{
          [](const h::InvitationReady& i) { return lines_of(chat::Answer(chat::answer::Invitation{i.link})); },
          [](const h::ConfirmationSent&) -> Lines { return {"confirmation sent!"}; },
          [](const h::ContactConnecting& c) -> Lines { return {full_name_of(c.contact) + ": contact is connecting"}; },
          [verbose](const h::ContactConnected& c) -> Lines {
            const std::string note =
                verbose ? (c.post_quantum ? ", post-quantum encryption" : ", end-to-end encryption") : "";
            return {full_name_of(c.contact) + ": contact is connected" + note};
          },
          [](const h::ContactGone& c) -> Lines { return {name_of(c.contact.name) + " deleted contact with you"}; },
          [](const h::MessageReceived& m) { return lines_of(m.item); },
          [verbose](const h::MessageDelivered& m) -> Lines {
            if (!verbose) return {};
            return {name_of(m.item.contact) + ": the relay has the message"};
          },
          [](const h::MessageFailed& m) -> Lines {
            return {"@" + chat::quoted_name(name_of(m.item.contact)) + ": a message was not delivered: " + m.reason};
          },
          [](const h::ConnectionFailed& c) -> Lines {
            return {(c.contact.empty() ? std::string("a connection") : name_of(c.contact)) +
                    " failed: " + without_control_characters(c.reason)};
          },
          [verbose](const h::RelayConnected& r) -> Lines {
            if (!verbose) return {};
            return {fmt::format("relay connected: {} ({} connections)", host_of(r.relay), r.connections)};
          },
          [](const h::RelayDisconnected& r) -> Lines {
            return {
                fmt::format("relay disconnected: {} ({} connections wait for it)", host_of(r.relay), r.connections)};
          },
          [](const h::Problem& p) -> Lines { return {"problem: " + without_control_characters(p.text)}; },
      },
      happening);
}

}  // namespace simplex::ui
