// The agent's identifiers. Each is a type of its own; all of them survive restarts and are never used twice.
#pragma once

#include "simplex/base/random.hpp"
#include "simplex/base/strong.hpp"

namespace simplex::agent {

// A user profile of this agent: connections of different users never share a session with a relay.
struct UserIdTag;
using UserId = StrongInt<UserIdTag, std::int64_t>;

// A duplex connection. 16 random octets, chosen by the application beforehand or by the agent.
struct ConnectionIdTag;
using ConnectionId = FixedBytes<ConnectionIdTag, 16>;
[[nodiscard]] ConnectionId new_connection_id(Random& random);

// A message of one connection. Sent and received messages of a connection share one ascending row of numbers.
struct MessageIdTag;
using MessageId = StrongInt<MessageIdTag, std::int64_t>;

// The number that the sender gave to a message: 1, 2, 3... in each direction of a connection.
struct SenderMessageIdTag;
using SenderMessageId = StrongInt<SenderMessageIdTag, std::int64_t>;

// A peer's confirmation of our invitation that waits for allow_connection.
struct ConfirmationIdTag;
using ConfirmationId = StrongInt<ConfirmationIdTag, std::int64_t>;

// A request to connect that came to an address of ours and waits for accept_request or reject_request.
struct RequestIdTag;
using RequestId = StrongInt<RequestIdTag, std::int64_t>;

// A short link that is being read; of this run.
struct LinkReadIdTag;
using LinkReadId = StrongInt<LinkReadIdTag, std::int64_t>;
struct ServerTestIdTag;
using ServerTestId = StrongInt<ServerTestIdTag, std::int64_t>;

// An event that repeats after a restart until the application says that it has handled it. Ascending.
struct EventIdTag;
using EventId = StrongInt<EventIdTag, std::int64_t>;

// The application's own name for a message, to make send_message repeatable. 16 octets, unique in the connection.
struct SendKeyTag;
using SendKey = FixedBytes<SendKeyTag, 16>;

}  // namespace simplex::agent
