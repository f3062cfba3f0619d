// What a proxy tells its clients of relays that do not answer as they should: the errors of PRXY and PFWD.
#pragma once

#include "simplex/smp/client/failure.hpp"

namespace simplex::smp::server {

// No relay of this size of error text: a client's block has to hold it.
inline constexpr std::size_t max_relayed_error = 1'024;

[[nodiscard]] ErrorType broker_error(BrokerError error);
[[nodiscard]] ErrorType transport_error(TransportErrorKind kind);
// PRXY: the connection was not made.
[[nodiscard]] ErrorType connect_error(const client::Failure& failure);
// PFWD: RFWD was not answered with RRES.
[[nodiscard]] ErrorType forward_error(const client::Failure& failure);
[[nodiscard]] ErrorType unexpected_answer(std::string text);
// May the same succeed later, without a change at either side?
[[nodiscard]] bool is_temporary(const ErrorType& error);

}  // namespace simplex::smp::server
