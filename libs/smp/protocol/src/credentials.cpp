#include "simplex/smp/broker_message.hpp"
#include "simplex/smp/command.hpp"

namespace simplex::smp {

namespace {

using Checked = Result<void, CommandError>;

Checked refuse(CommandError error) { return std::unexpected(error); }

// Authorization and entity id: what every command needs that is not named below.
struct CheckCommand {
  bool authorized;
  bool entity;

  template <class Command>
  Checked operator()(const Command&) const {
    return authorized && entity ? Checked() : refuse(CommandError::no_auth);
  }
  Checked operator()(const command::New&) const {
    if (!authorized) return refuse(CommandError::no_auth);
    return entity ? refuse(CommandError::has_auth) : Checked();
  }
  Checked operator()(const command::Send&) const { return entity ? Checked() : refuse(CommandError::no_entity); }
  Checked operator()(const command::Lget&) const { return entity_only(); }
  Checked operator()(const command::Pfwd&) const { return entity_only(); }
  Checked operator()(const command::Ping&) const { return neither(); }
  Checked operator()(const command::Prxy&) const { return neither(); }
  Checked operator()(const command::Rfwd&) const { return neither(); }
  Checked operator()(const command::Rslv&) const { return neither(); }

 private:
  [[nodiscard]] Checked entity_only() const {
    if (!entity) return refuse(CommandError::no_entity);
    return authorized ? refuse(CommandError::has_auth) : Checked();
  }
  [[nodiscard]] Checked neither() const { return authorized || entity ? refuse(CommandError::has_auth) : Checked(); }
};

struct CheckMessage {
  bool entity;

  template <class Message>
  Checked operator()(const Message&) const {
    return entity ? Checked() : refuse(CommandError::no_entity);
  }
  Checked operator()(const broker::Ids&) const { return {}; }
  Checked operator()(const broker::Err&) const { return {}; }
  Checked operator()(const broker::Pong&) const { return no_entity(); }
  Checked operator()(const broker::Pkey&) const { return no_entity(); }
  Checked operator()(const broker::Rres&) const { return no_entity(); }
  Checked operator()(const broker::Alls&) const { return no_entity(); }
  Checked operator()(const broker::Rname&) const { return no_entity(); }

 private:
  [[nodiscard]] Checked no_entity() const { return entity ? refuse(CommandError::has_auth) : Checked(); }
};

}  // namespace

Result<void, CommandError> check_credentials(const ClientCommand& command, bool has_authorization,
                                             bool has_entity_id) noexcept {
  return std::visit(CheckCommand{has_authorization, has_entity_id}, command);
}

Result<void, CommandError> check_credentials(const BrokerMessage& message, bool has_entity_id) noexcept {
  return std::visit(CheckMessage{has_entity_id}, message);
}

bool uses_service_signature(const ClientCommand& command) noexcept {
  return std::holds_alternative<command::New>(command) || std::holds_alternative<command::Sub>(command) ||
         std::holds_alternative<command::Nsub>(command);
}

}  // namespace simplex::smp
