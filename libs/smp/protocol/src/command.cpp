#include "simplex/smp/command.hpp"

#include "command_tags.hpp"
#include "parts.hpp"

namespace simplex::smp {

namespace {

using command::New;

void write_mode(Writer& writer, const New::Mode& mode) {
  if (const auto* messaging = std::get_if<New::Messaging>(&mode)) {
    writer.character('M').optional(messaging->link, [](Writer& w, const New::MessagingLink& link) {
      write_id(w, link.sender_id);
      write_link_data(w, link.data);
    });
  } else {
    writer.character('C').optional(std::get<New::Contact>(mode).link, [](Writer& w, const New::ContactLink& link) {
      write_id(w, link.link_id);
      write_id(w, link.sender_id);
      write_link_data(w, link.data);
    });
  }
}

void write_notifier(Writer& writer, const NotifierKeys& keys) {
  crypto::write_key(writer, keys.auth_key);
  crypto::write_key(writer, keys.dh_key);
}

Result<New::MessagingLink> read_messaging_link(Reader& reader) {
  New::MessagingLink link;
  SIMPLEX_ASSIGN(link.sender_id, read_id<SenderId>(reader));
  SIMPLEX_ASSIGN(link.data, read_link_data(reader));
  return link;
}

Result<New::ContactLink> read_contact_link(Reader& reader) {
  New::ContactLink link;
  SIMPLEX_ASSIGN(link.link_id, read_id<LinkId>(reader));
  SIMPLEX_ASSIGN(link.sender_id, read_id<SenderId>(reader));
  SIMPLEX_ASSIGN(link.data, read_link_data(reader));
  return link;
}

Result<New::Mode> read_mode(Reader& reader) {
  SIMPLEX_ASSIGN(const QueueMode mode, protocol::read_queue_mode(reader));
  if (mode == QueueMode::messaging) {
    SIMPLEX_ASSIGN(auto link, reader.optional(read_messaging_link));
    return New::Messaging{std::move(link)};
  }
  SIMPLEX_ASSIGN(auto link, reader.optional(read_contact_link));
  return New::Contact{std::move(link)};
}

Result<NotifierKeys> read_notifier(Reader& reader) {
  NotifierKeys keys;
  SIMPLEX_ASSIGN(keys.auth_key, read_auth_key(reader));
  SIMPLEX_ASSIGN(keys.dh_key, read_dh_key(reader));
  return keys;
}

Result<std::optional<BasicAuth>> read_first_form_password(Reader& reader) {
  if (reader.empty() || reader.peek().front() != 'A') return std::nullopt;
  SIMPLEX_TRY(reader.expect("A"));
  SIMPLEX_ASSIGN(BasicAuth password, read_basic_auth(reader));
  return std::optional(std::move(password));
}

Result<SubscriptionMode> read_subscription_mode(Reader& reader) {
  SIMPLEX_ASSIGN(const std::uint8_t letter, reader.u8());
  if (letter == 'S') return SubscriptionMode::subscribe;
  if (letter == 'C') return SubscriptionMode::only_create;
  return fail(ErrorKind::malformed, "invalid subscription mode");
}

Result<ServiceQueues> read_service_queues(Reader& reader, SmpVersion version) {
  ServiceQueues queues;
  if (version < receive_service_version) return queues;
  SIMPLEX_TRY(reader.space());
  SIMPLEX_ASSIGN(queues.count, reader.i64());
  SIMPLEX_ASSIGN(queues.hash, read_ids_hash(reader));
  return queues;
}

// The parameters of each command; the reader stands behind the word. A command that has parameters has a space first.
template <class Command>
struct Parameters;

template <class Command>
  requires std::is_empty_v<Command>
struct Parameters<Command> {
  static void write(Writer&, const Command&, SmpVersion) {}
  static Result<Command> read(Reader&, SmpVersion) { return Command{}; }
};

template <>
struct Parameters<New> {
  static void write(Writer& writer, const New& c, SmpVersion version) {
    writer.character(' ');
    crypto::write_key(writer, c.recipient_key);
    crypto::write_key(writer, c.recipient_dh_key);
    if (version >= sender_key_version) {
      writer.optional(c.password, write_basic_auth);
    } else if (c.password) {
      writer.character('A');
      write_basic_auth(writer, *c.password);
    }
    writer.character(c.subscription == SubscriptionMode::subscribe ? 'S' : 'C');
    if (version >= short_links_version) {
      writer.optional(c.mode, write_mode);
    } else if (version >= sender_key_version) {
      writer.boolean(protocol::sender_can_secure(c.queue_mode()));
    }
    if (version >= new_ntf_creds_version) writer.optional(c.notifier, write_notifier);
  }

  static Result<New> read(Reader& reader, SmpVersion version) {
    New c;
    SIMPLEX_TRY(reader.space());
    SIMPLEX_ASSIGN(c.recipient_key, read_auth_key(reader));
    SIMPLEX_ASSIGN(c.recipient_dh_key, read_dh_key(reader));
    if (version >= sender_key_version) {
      SIMPLEX_ASSIGN(c.password, reader.optional(read_basic_auth));
    } else {
      SIMPLEX_ASSIGN(c.password, read_first_form_password(reader));
    }
    SIMPLEX_ASSIGN(c.subscription, read_subscription_mode(reader));
    if (version >= short_links_version) {
      SIMPLEX_ASSIGN(c.mode, reader.optional(read_mode));
    } else if (version >= sender_key_version) {
      SIMPLEX_ASSIGN(const bool sender_can_secure, reader.boolean());
      c.mode = sender_can_secure ? New::Mode(New::Messaging{}) : New::Mode(New::Contact{});
    }
    if (version >= new_ntf_creds_version) {
      SIMPLEX_ASSIGN(c.notifier, reader.optional(read_notifier));
    }
    return c;
  }
};

template <class Command>
  requires std::same_as<Command, command::Key> || std::same_as<Command, command::Skey> ||
           std::same_as<Command, command::Lkey>
struct Parameters<Command> {
  static void write(Writer& writer, const Command& c, SmpVersion) {
    writer.character(' ');
    crypto::write_key(writer, c.sender_key);
  }
  static Result<Command> read(Reader& reader, SmpVersion) {
    SIMPLEX_TRY(reader.space());
    SIMPLEX_ASSIGN(auto key, read_auth_key(reader));
    return Command{key};
  }
};

template <>
struct Parameters<command::Rkey> {
  static void write(Writer& writer, const command::Rkey& c, SmpVersion) {
    writer.character(' ').list(c.recipient_keys, [](Writer& w, const auto& key) { crypto::write_key(w, key); });
  }
  static Result<command::Rkey> read(Reader& reader, SmpVersion) {
    SIMPLEX_TRY(reader.space());
    SIMPLEX_ASSIGN(auto keys, reader.list(read_auth_key));
    if (keys.empty()) return fail(ErrorKind::malformed, "no recipient keys");
    return command::Rkey{std::move(keys)};
  }
};

template <>
struct Parameters<command::Lset> {
  static void write(Writer& writer, const command::Lset& c, SmpVersion) {
    writer.character(' ');
    write_id(writer, c.link_id);
    write_link_data(writer, c.data);
  }
  static Result<command::Lset> read(Reader& reader, SmpVersion) {
    command::Lset c;
    SIMPLEX_TRY(reader.space());
    SIMPLEX_ASSIGN(c.link_id, read_id<LinkId>(reader));
    SIMPLEX_ASSIGN(c.data, read_link_data(reader));
    return c;
  }
};

template <>
struct Parameters<command::Nkey> {
  static void write(Writer& writer, const command::Nkey& c, SmpVersion) {
    writer.character(' ');
    write_notifier(writer, c.keys);
  }
  static Result<command::Nkey> read(Reader& reader, SmpVersion) {
    SIMPLEX_TRY(reader.space());
    SIMPLEX_ASSIGN(auto keys, read_notifier(reader));
    return command::Nkey{keys};
  }
};

template <>
struct Parameters<command::Ack> {
  static void write(Writer& writer, const command::Ack& c, SmpVersion) {
    writer.character(' ');
    write_id(writer, c.message_id);
  }
  static Result<command::Ack> read(Reader& reader, SmpVersion) {
    SIMPLEX_TRY(reader.space());
    SIMPLEX_ASSIGN(auto id, read_id<MessageId>(reader));
    return command::Ack{std::move(id)};
  }
};

template <>
struct Parameters<command::Send> {
  static void write(Writer& writer, const command::Send& c, SmpVersion) {
    writer.character(' ');
    write_message_flags(writer, c.flags);
    writer.character(' ').raw(c.body.bytes);
  }
  static Result<command::Send> read(Reader& reader, SmpVersion) {
    SIMPLEX_TRY(reader.space());
    SIMPLEX_ASSIGN(const MessageFlags flags, read_message_flags(reader));
    SIMPLEX_TRY(reader.space());
    return command::Send{flags, Content(reader.tail())};
  }
};

template <class Command>
  requires std::same_as<Command, command::Subs> || std::same_as<Command, command::Nsubs>
struct Parameters<Command> {
  static void write(Writer& writer, const Command& c, SmpVersion version) {
    if (version < receive_service_version) return;
    writer.character(' ').i64(c.queues.count).short_string(c.queues.hash.view());
  }
  static Result<Command> read(Reader& reader, SmpVersion version) {
    SIMPLEX_ASSIGN(auto queues, read_service_queues(reader, version));
    return Command{queues};
  }
};

template <>
struct Parameters<command::Prxy> {
  static void write(Writer& writer, const command::Prxy& c, SmpVersion) {
    writer.character(' ');
    protocol::write_server_address(writer, c.relay);
    writer.optional(c.password, write_basic_auth);
  }
  static Result<command::Prxy> read(Reader& reader, SmpVersion) {
    command::Prxy c;
    SIMPLEX_TRY(reader.space());
    SIMPLEX_ASSIGN(c.relay, protocol::read_server_address(reader));
    SIMPLEX_ASSIGN(c.password, reader.optional(read_basic_auth));
    return c;
  }
};

template <>
struct Parameters<command::Pfwd> {
  static void write(Writer& writer, const command::Pfwd& c, SmpVersion) {
    writer.character(' ').u16(c.version.value());
    crypto::write_key(writer, c.key);
    writer.raw(c.encrypted.bytes);
  }
  static Result<command::Pfwd> read(Reader& reader, SmpVersion) {
    command::Pfwd c;
    SIMPLEX_TRY(reader.space());
    SIMPLEX_ASSIGN(c.version, read_version<SmpVersionTag>(reader));
    SIMPLEX_ASSIGN(c.key, read_dh_key(reader));
    c.encrypted = Content(reader.tail());
    return c;
  }
};

template <>
struct Parameters<command::Rfwd> {
  static void write(Writer& writer, const command::Rfwd& c, SmpVersion) {
    writer.character(' ').raw(c.encrypted.bytes);
  }
  static Result<command::Rfwd> read(Reader& reader, SmpVersion) {
    SIMPLEX_TRY(reader.space());
    return command::Rfwd{Content(reader.tail())};
  }
};

template <>
struct Parameters<command::Rslv> {
  static void write(Writer& writer, const command::Rslv& c, SmpVersion) { writer.character(' ').raw(c.name.text()); }
  static Result<command::Rslv> read(Reader& reader, SmpVersion) {
    SIMPLEX_TRY(reader.space());
    const std::string_view rest = as_text(reader.tail());
    SIMPLEX_ASSIGN(auto name, SimplexDomain::parse(rest.substr(0, rest.find_first_of(" \t\n\v\f\r"))));
    return command::Rslv{std::move(name)};
  }
};

template <std::size_t I = 0>
Result<ClientCommand> read_parameters(std::size_t tag, Reader& reader, SmpVersion version) {
  if constexpr (I < std::variant_size_v<ClientCommand>) {
    if (tag != I) return read_parameters<I + 1>(tag, reader, version);
    using Command = std::variant_alternative_t<I, ClientCommand>;
    SIMPLEX_ASSIGN(Command command, Parameters<Command>::read(reader, version));
    SIMPLEX_TRY(reader.finish());
    return ClientCommand(std::in_place_index<I>, std::move(command));
  } else {
    return fail(ErrorKind::malformed, "unknown command");
  }
}

}  // namespace

std::optional<QueueMode> New::queue_mode() const noexcept {
  if (!mode) return std::nullopt;
  return std::holds_alternative<Messaging>(*mode) ? QueueMode::messaging : QueueMode::contact;
}

std::string_view name_of(const ClientCommand& command) noexcept { return command_tags[command.index()]; }

void write_command(Writer& writer, const ClientCommand& command, SmpVersion version) {
  writer.raw(name_of(command));
  std::visit([&]<class Command>(const Command& c) { Parameters<Command>::write(writer, c, version); }, command);
}

Bytes encode(const ClientCommand& command, SmpVersion version) {
  const auto* send = std::get_if<command::Send>(&command);
  Writer writer(send != nullptr ? send->body.size() + 8 : 128);
  write_command(writer, command, version);
  return std::move(writer).take();
}

Result<ClientCommand, CommandError> decode_command(BytesView bytes, SmpVersion version) {
  const std::string_view text = as_text(bytes);
  const std::string_view word = text.substr(0, text.find(' '));
  const auto tag = std::ranges::find(command_tags, word);
  if (tag == command_tags.end()) return std::unexpected(CommandError::unknown);
  Reader reader(bytes.subspan(word.size()));
  auto command = read_parameters(static_cast<std::size_t>(tag - command_tags.begin()), reader, version);
  if (!command) return std::unexpected(CommandError::syntax);
  return std::move(*command);
}

}  // namespace simplex::smp
