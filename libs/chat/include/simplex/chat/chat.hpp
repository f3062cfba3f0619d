// The chat core: a user profile, contacts and conversations, over the agent's connections.
//
// Lifetime and threading: as the agent, everything happens on one loop; callbacks are made on it, never inside a call.
// Files: <prefix>_chat.db (this class) and <prefix>_agent.db (the agent), encrypted with the same passphrase.
// A message is in the database before the agent gets it, and a received one before it is acknowledged.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "simplex/agent/config.hpp"
#include "simplex/base/clock.hpp"
#include "simplex/base/result.hpp"
#include "simplex/base/strong.hpp"
#include "simplex/chat/command.hpp"

namespace simplex::chat {

struct ContactIdTag;
using ContactId = StrongInt<ContactIdTag, std::int64_t>;
struct ItemIdTag;
using ItemId = StrongInt<ItemIdTag, std::int64_t>;

enum class ContactState : std::uint8_t { connecting = 0, connected = 1, deleted_by_peer = 2 };

struct Contact {
  ContactId id;
  std::string name;  // unique among the user's contacts: the display name, with _1, _2… when taken
  std::string full_name;
  ContactState state = ContactState::connecting;
};

enum class Direction : std::uint8_t { sent = 0, received = 1 };
enum class ItemStatus : std::uint8_t {
  accepted = 0,   // stored here, on its way
  delivered = 1,  // the relay has it
  failed = 2,     // will not be delivered
  received = 3,
  notice = 4,  // said by this program: messages are missing, could not be read
};

struct Item {
  ItemId id;
  std::string contact;  // name
  Direction direction = Direction::sent;
  ItemStatus status = ItemStatus::accepted;
  std::string text;
  WallTime time;  // received: when the relay got it
};

// ---- answers to commands --------------------------------------------------------------------------------------------
namespace answer {
struct Invitation {
  std::string link;
};
struct ConfirmationSent {};
struct StillConnecting {};  // the relay cannot be reached yet; it goes on by itself, also after a restart
struct Contacts {
  std::vector<chat::Contact> contacts;
};
struct MessageAccepted {
  chat::Item item;
};
struct History {
  std::vector<chat::Item> items;
};
struct ContactDeleted {
  std::string contact;
};
struct User {
  std::string name;
  std::string full_name;
};
struct Help {};
struct Version {};
struct Quit {};
}  // namespace answer
using Answer = std::variant<answer::Invitation, answer::ConfirmationSent, answer::StillConnecting, answer::Contacts,
                            answer::MessageAccepted, answer::History, answer::ContactDeleted, answer::User,
                            answer::Help, answer::Version, answer::Quit>;
using AnswerHandler = std::move_only_function<void(Result<Answer>)>;

// ---- what happens by itself -----------------------------------------------------------------------------------------
namespace happening {
struct InvitationReady {
  std::string link;
};  // of a /c that could not be answered before
struct ConfirmationSent {};  // of a /c LINK, likewise
struct ContactConnecting {
  chat::Contact contact;
};
struct ContactConnected {
  chat::Contact contact;
  bool post_quantum = false;
};
struct ContactGone {
  chat::Contact contact;
};  // the contact deleted the conversation
struct MessageReceived {
  chat::Item item;
};
struct MessageDelivered {
  chat::Item item;
};
struct MessageFailed {
  chat::Item item;
  std::string reason;
};
struct ConnectionFailed {
  std::string contact;
  std::string reason;
};  // contact may be empty
struct RelayConnected {
  std::string relay;
  std::size_t connections = 0;
};
struct RelayDisconnected {
  std::string relay;
  std::size_t connections = 0;
};
struct Problem {
  std::string text;
};
}  // namespace happening
using Happening = std::variant<happening::InvitationReady, happening::ConfirmationSent, happening::ContactConnecting,
                               happening::ContactConnected, happening::ContactGone, happening::MessageReceived,
                               happening::MessageDelivered, happening::MessageFailed, happening::ConnectionFailed,
                               happening::RelayConnected, happening::RelayDisconnected, happening::Problem>;
using HappeningHandler = std::move_only_function<void(const Happening&)>;

struct ChatConfig {
  std::filesystem::path prefix;      // of the database files
  SecretBytes passphrase;            // empty: not encrypted
  std::vector<std::string> servers;  // relays; empty: those of the last start
  agent::Versions versions;          // what is offered; tests narrow it
  agent::Timeouts timeouts;
  agent::NetworkConfig network;
  bool post_quantum = true;
};

class Chat {
 public:
  // Errors: authentication (wrong passphrase), version (database of a newer program, or of another one), conflict (in
  // use), malformed (not a database, a server address that is none), storage.
  [[nodiscard]] static Result<std::unique_ptr<Chat>> open(agent::Dependencies dependencies, ChatConfig config);
  virtual ~Chat() = default;

  // The first start needs a profile. Names: 1 to 50 characters, none of @ # ' " , / and no control characters.
  [[nodiscard]] virtual bool has_user() const = 0;
  virtual Result<> create_user(std::string_view display_name, std::string_view full_name) = 0;

  virtual void start(HappeningHandler handler) = 0;  // needs a user
  virtual void stop() = 0;

  // The answer comes once, later on the loop, or never when the chat is stopped before.
  virtual void execute(Command command, AnswerHandler answer) = 0;
};

}  // namespace simplex::chat
