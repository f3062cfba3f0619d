#include "simplex/smp/error.hpp"

#include <charconv>

#include "simplex/encoding/utf8.hpp"
#include "simplex/smp/version.hpp"
#include "json.hpp"

namespace simplex::smp {

namespace {

constexpr int max_nesting = 8;

std::unexpected<Error> unknown_error() { return fail(ErrorKind::malformed, "unknown error"); }

// A word up to the next space, which stays.
std::string_view read_word(Reader& reader) {
  const std::string_view rest = as_text(reader.peek());
  const std::string_view word = rest.substr(0, rest.find(' '));
  (void)reader.take(word.size());
  return word;
}

Result<std::string> read_text(Reader& reader) {
  SIMPLEX_TRY(reader.space());
  SIMPLEX_ASSIGN(const BytesView text, reader.short_string());
  return safe_utf8(as_text(text));
}

Result<std::string> read_text_tail(Reader& reader) {
  SIMPLEX_TRY(reader.space());
  return safe_utf8(as_text(reader.tail()));
}

// A text that has to fit one length octet is cut where a character ends.
std::string_view fitted(std::string_view text) {
  if (text.size() <= 255) return text;
  text = text.substr(0, 255);
  while (!text.empty() && !is_utf8(text)) text.remove_suffix(1);
  return text;
}

std::string_view word_of(CommandError error) {
  switch (error) {
    case CommandError::unknown: return "UNKNOWN";
    case CommandError::syntax: return "SYNTAX";
    case CommandError::prohibited: return "PROHIBITED";
    case CommandError::no_auth: return "NO_AUTH";
    case CommandError::has_auth: return "HAS_AUTH";
    case CommandError::no_entity: return "NO_ENTITY";
  }
  return "SYNTAX";
}

Result<CommandError> read_command_error(Reader& reader) {
  SIMPLEX_TRY(reader.space());
  const std::string_view word = read_word(reader);
  for (const CommandError error : {CommandError::unknown, CommandError::syntax, CommandError::prohibited,
                                   CommandError::no_auth, CommandError::has_auth, CommandError::no_entity}) {
    if (word == word_of(error)) return error;
  }
  if (word == "NO_QUEUE") return CommandError::no_entity;  // its name in old versions
  return unknown_error();
}

std::string_view text_of(TransportErrorKind kind) {
  switch (kind) {
    case TransportErrorKind::block: return "BLOCK";
    case TransportErrorKind::version: return "VERSION";
    case TransportErrorKind::large_message: return "LARGE_MSG";
    case TransportErrorKind::session: return "SESSION";
    case TransportErrorKind::no_server_auth: return "NO_AUTH";
    case TransportErrorKind::handshake_parse: return "HANDSHAKE PARSE";
    case TransportErrorKind::handshake_identity: return "HANDSHAKE IDENTITY";
    case TransportErrorKind::handshake_bad_auth: return "HANDSHAKE BAD_AUTH";
    case TransportErrorKind::handshake_bad_service: return "HANDSHAKE BAD_SERVICE";
  }
  return "BLOCK";
}

Result<TransportErrorKind> read_transport_error(Reader& reader) {
  SIMPLEX_TRY(reader.space());
  const std::string_view text = as_text(reader.tail());
  for (const auto kind : {TransportErrorKind::block, TransportErrorKind::version, TransportErrorKind::large_message,
                          TransportErrorKind::session, TransportErrorKind::no_server_auth,
                          TransportErrorKind::handshake_parse, TransportErrorKind::handshake_identity,
                          TransportErrorKind::handshake_bad_auth, TransportErrorKind::handshake_bad_service}) {
    if (text == text_of(kind)) return kind;
  }
  return unknown_error();
}

Result<NetworkError> read_network_error(Reader& reader) {
  using Kind = NetworkError::Kind;
  if (reader.empty()) return NetworkError{};
  SIMPLEX_TRY(reader.space());
  const std::string_view word = read_word(reader);
  NetworkError error;
  if (word == "UNKNOWNCA") {
    error.kind = Kind::unknown_ca;
  } else if (word == "FAILED") {
    error.kind = Kind::failed;
  } else if (word == "TIMEOUT") {
    error.kind = Kind::timeout;
  } else {
    if (word == "CONNECT") {
      error.kind = Kind::connect;
    } else if (word == "TLS") {
      error.kind = Kind::tls;
    } else if (word == "SUBSCRIBE") {
      error.kind = Kind::subscribe;
    } else {
      return unknown_error();
    }
    SIMPLEX_ASSIGN(error.text, read_text(reader));
  }
  return error;
}

void write_broker_error(Writer& writer, const BrokerError& error) {
  struct Write {
    Writer& writer;
    void operator()(const broker_errors::Response& e) const { writer.raw("RESPONSE ").short_string(fitted(e.text)); }
    void operator()(const broker_errors::Unexpected& e) const {
      writer.raw("UNEXPECTED ").short_string(fitted(e.text));
    }
    void operator()(const broker_errors::Network&) const { writer.raw("NETWORK"); }
    void operator()(const broker_errors::Host&) const { writer.raw("HOST"); }
    void operator()(const broker_errors::NoService&) const { writer.raw("NO_SERVICE"); }
    void operator()(const broker_errors::Transport& e) const { writer.raw("TRANSPORT ").raw(text_of(e.kind)); }
    void operator()(const broker_errors::Timeout&) const { writer.raw("TIMEOUT"); }
  };
  std::visit(Write{writer}, error);
}

Result<BrokerError> read_broker_error(Reader& reader) {
  SIMPLEX_TRY(reader.space());
  const std::string_view word = read_word(reader);
  if (word == "RESPONSE") {
    SIMPLEX_ASSIGN(std::string text, read_text(reader));
    return broker_errors::Response{std::move(text)};
  }
  if (word == "UNEXPECTED") {
    SIMPLEX_ASSIGN(std::string text, read_text(reader));
    return broker_errors::Unexpected{std::move(text)};
  }
  if (word == "TRANSPORT") {
    SIMPLEX_ASSIGN(const auto kind, read_transport_error(reader));
    return broker_errors::Transport{kind};
  }
  if (word == "NETWORK") {
    SIMPLEX_ASSIGN(auto error, read_network_error(reader));
    return broker_errors::Network{std::move(error)};
  }
  if (word == "TIMEOUT") return broker_errors::Timeout{};
  if (word == "HOST") return broker_errors::Host{};
  if (word == "NO_SERVICE") return broker_errors::NoService{};
  return unknown_error();
}

void write_proxy_error(Writer& writer, const ProxyError& error) {
  if (const auto* protocol = std::get_if<proxy_errors::Protocol>(&error)) {
    writer.raw("PROTOCOL ");
    write_error(writer, *protocol->error, current_version);  // the version only changes what is not proxied
  } else if (const auto* broker = std::get_if<proxy_errors::Broker>(&error)) {
    writer.raw("BROKER ");
    write_broker_error(writer, broker->error);
  } else {
    writer.raw(std::holds_alternative<proxy_errors::BasicAuth>(error) ? "BASIC_AUTH" : "NO_SESSION");
  }
}

Result<ErrorType> read_error(Reader& reader, int nesting);

Result<ProxyError> read_proxy_error(Reader& reader, int nesting) {
  SIMPLEX_TRY(reader.space());
  const std::string_view word = read_word(reader);
  if (word == "PROTOCOL") {
    SIMPLEX_TRY(reader.space());
    SIMPLEX_ASSIGN(ErrorType inner, read_error(reader, nesting + 1));
    return proxy_errors::Protocol{std::make_shared<const ErrorType>(std::move(inner))};
  }
  if (word == "BROKER") {
    SIMPLEX_ASSIGN(BrokerError error, read_broker_error(reader));
    return proxy_errors::Broker{std::move(error)};
  }
  if (word == "BASIC_AUTH") return proxy_errors::BasicAuth{};
  if (word == "NO_SESSION") return proxy_errors::NoSession{};
  return unknown_error();
}

Result<NameError> read_name_error(Reader& reader) {
  SIMPLEX_TRY(reader.space());
  const std::string_view word = read_word(reader);
  if (word == "NO_RESOLVER") return name_errors::NoResolver{};
  if (word == "NOT_FOUND") return name_errors::NotFound{};
  if (word == "RESOLVER") {
    SIMPLEX_ASSIGN(std::string text, read_text_tail(reader));
    return name_errors::Resolver{std::move(text)};
  }
  return unknown_error();
}

void write_blocking_info(Writer& writer, const BlockingInfo& info, SmpVersion version) {
  writer.raw("reason=").raw(info.reason == BlockingReason::spam ? "spam" : "content");
  if (info.notice && version >= client_notices_version) {
    writer.raw(",notice={");
    if (info.notice->ttl_seconds) writer.raw("\"ttl\":").raw(std::to_string(*info.notice->ttl_seconds));
    writer.raw("}");
  }
}

Result<BlockingInfo> read_blocking_info(Reader& reader) {
  SIMPLEX_TRY(reader.expect(" reason="));
  BlockingInfo info;
  if (reader.expect("content")) {
    info.reason = BlockingReason::content;
  } else {
    SIMPLEX_TRY(reader.expect("spam"));
  }
  if (!reader.empty()) {
    SIMPLEX_TRY(reader.expect(",notice="));
    SIMPLEX_ASSIGN(info.notice, parse_blocking_notice(as_text(reader.tail())));
  }
  return info;
}

Result<ErrorType> read_error(Reader& reader, int nesting) {
  if (nesting > max_nesting) return fail(ErrorKind::limit, "errors are nested too deep");
  const std::string_view word = read_word(reader);
  if (word == "AUTH") return ErrorType{errors::Auth{}};
  if (word == "QUOTA") return ErrorType{errors::Quota{}};
  if (word == "NO_MSG") return ErrorType{errors::NoMsg{}};
  if (word == "BLOCK") return ErrorType{errors::Block{}};
  if (word == "SESSION") return ErrorType{errors::Session{}};
  if (word == "SERVICE") return ErrorType{errors::Service{}};
  if (word == "CRYPTO") return ErrorType{errors::Crypto{}};
  if (word == "LARGE_MSG") return ErrorType{errors::LargeMsg{}};
  if (word == "EXPIRED") return ErrorType{errors::Expired{}};
  if (word == "INTERNAL") return ErrorType{errors::Internal{}};
  if (word == "DUPLICATE_") return ErrorType{errors::Duplicate{}};
  if (word == "CMD") {
    SIMPLEX_ASSIGN(const CommandError error, read_command_error(reader));
    return ErrorType{error};
  }
  if (word == "BLOCKED") {
    SIMPLEX_ASSIGN(BlockingInfo info, read_blocking_info(reader));
    return ErrorType{errors::Blocked{info}};
  }
  if (word == "STORE") {
    SIMPLEX_ASSIGN(std::string text, read_text_tail(reader));
    return ErrorType{errors::Store{std::move(text)}};
  }
  if (word == "PROXY") {
    SIMPLEX_ASSIGN(ProxyError error, read_proxy_error(reader, nesting));
    return ErrorType{errors::Proxy{std::move(error)}};
  }
  if (word == "NAME") {
    SIMPLEX_ASSIGN(NameError error, read_name_error(reader));
    return ErrorType{errors::Name{std::move(error)}};
  }
  return unknown_error();
}

struct WriteError {
  Writer& writer;
  SmpVersion version;

  void operator()(const errors::Block&) const { writer.raw("BLOCK"); }
  void operator()(const errors::Session&) const { writer.raw("SESSION"); }
  void operator()(const errors::Cmd& e) const { writer.raw("CMD ").raw(word_of(e.error)); }
  void operator()(const errors::Proxy& e) const {
    writer.raw("PROXY ");
    write_proxy_error(writer, e.error);
  }
  void operator()(const errors::Auth&) const { writer.raw("AUTH"); }
  void operator()(const errors::Blocked& e) const {
    if (version < blocked_version) {
      writer.raw("AUTH");
      return;
    }
    writer.raw("BLOCKED ");
    write_blocking_info(writer, e.info, version);
  }
  void operator()(const errors::Service&) const { writer.raw("SERVICE"); }
  void operator()(const errors::Crypto&) const { writer.raw("CRYPTO"); }
  void operator()(const errors::Quota&) const { writer.raw("QUOTA"); }
  void operator()(const errors::Store& e) const { writer.raw("STORE ").raw(e.text); }
  void operator()(const errors::NoMsg&) const { writer.raw("NO_MSG"); }
  void operator()(const errors::LargeMsg&) const { writer.raw("LARGE_MSG"); }
  void operator()(const errors::Expired&) const { writer.raw("EXPIRED"); }
  void operator()(const errors::Internal&) const { writer.raw("INTERNAL"); }
  void operator()(const errors::Name& e) const {
    writer.raw("NAME ");
    if (const auto* resolver = std::get_if<name_errors::Resolver>(&e.error)) {
      writer.raw("RESOLVER ").raw(resolver->text);
    } else {
      writer.raw(std::holds_alternative<name_errors::NotFound>(e.error) ? "NOT_FOUND" : "NO_RESOLVER");
    }
  }
  void operator()(const errors::Duplicate&) const { writer.raw("DUPLICATE_"); }
};

}  // namespace

namespace proxy_errors {
bool operator==(const Protocol& a, const Protocol& b) { return *a.error == *b.error; }
}  // namespace proxy_errors

ErrorType proxied(ErrorType relay_error) {
  return errors::Proxy{proxy_errors::Protocol{std::make_shared<const ErrorType>(std::move(relay_error))}};
}

void write_error(Writer& writer, const ErrorType& error, SmpVersion version) {
  std::visit(WriteError{writer, version}, error.kind);
}

std::string wire_text(const ErrorType& error, SmpVersion version) {
  Writer writer;
  write_error(writer, error, version);
  return std::string(as_text(writer.view()));
}

Result<ErrorType> read_error(Reader& reader) {
  SIMPLEX_ASSIGN(ErrorType error, read_error(reader, 0));
  SIMPLEX_TRY(reader.finish());
  return error;
}

Error to_error(const ErrorType& error) {
  struct Explain {
    Error operator()(const errors::Block&) const {
      return {ErrorKind::malformed, "the relay could not read the block"};
    }
    Error operator()(const errors::Session&) const {
      return {ErrorKind::malformed, "the relay got a command of another session", Advice::retry};
    }
    Error operator()(const errors::Cmd& e) const {
      return {e.error == CommandError::prohibited ? ErrorKind::conflict : ErrorKind::malformed,
              "the relay refused the command: " + std::string(word_of(e.error))};
    }
    Error operator()(const errors::Proxy& e) const {
      if (const auto* inner = std::get_if<proxy_errors::Protocol>(&e.error)) return to_error(*inner->error);
      if (std::holds_alternative<proxy_errors::Broker>(e.error))
        return {ErrorKind::network, "the proxy could not reach the destination relay", Advice::retry};
      if (std::holds_alternative<proxy_errors::BasicAuth>(e.error))
        return {ErrorKind::authentication, "the proxy requires a password, or another one", Advice::ask_user};
      return {ErrorKind::not_found, "the proxy has no session with the destination relay", Advice::retry};
    }
    Error operator()(const errors::Auth&) const {
      return {ErrorKind::authentication, "the relay has no such queue, or its key or password is another one"};
    }
    Error operator()(const errors::Blocked& e) const {
      return {ErrorKind::conflict, e.info.reason == BlockingReason::spam
                                       ? "the relay's operator has blocked the queue for spam"
                                       : "the relay's operator has blocked the queue for its content"};
    }
    Error operator()(const errors::Service&) const {
      return {ErrorKind::authentication, "the relay does not accept the service's signature here"};
    }
    Error operator()(const errors::Crypto&) const {
      return {ErrorKind::authentication, "the relay could not decrypt the forwarded command"};
    }
    Error operator()(const errors::Quota&) const {
      return {ErrorKind::limit, "the queue is full until its recipient receives messages", Advice::retry};
    }
    Error operator()(const errors::Store&) const {
      return {ErrorKind::storage, "the relay could not use its store", Advice::retry};
    }
    Error operator()(const errors::NoMsg&) const {
      return {ErrorKind::not_found, "the relay has no message to acknowledge"};
    }
    Error operator()(const errors::LargeMsg&) const { return {ErrorKind::limit, "the message is too large"}; }
    Error operator()(const errors::Expired&) const {
      return {ErrorKind::authentication, "the relay's key has expired", Advice::retry};
    }
    Error operator()(const errors::Internal&) const {
      return {ErrorKind::internal, "the relay had an internal error", Advice::retry};
    }
    Error operator()(const errors::Name& e) const {
      if (std::holds_alternative<name_errors::NotFound>(e.error))
        return {ErrorKind::not_found, "the name is not registered"};
      if (std::holds_alternative<name_errors::NoResolver>(e.error))
        return {ErrorKind::unsupported, "this relay does not resolve names"};
      return {ErrorKind::network, "the relay could not resolve the name", Advice::retry};
    }
    Error operator()(const errors::Duplicate&) const { return {ErrorKind::conflict, "the relay had it already"}; }
  };
  return std::visit(Explain{}, error.kind);
}

}  // namespace simplex::smp
