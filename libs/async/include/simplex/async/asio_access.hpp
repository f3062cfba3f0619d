// For the room transport only: the way from a loop to the Boost.Asio context that it runs, to wait for sockets there.
// Declares the Asio type and includes nothing of it.
#pragma once

#include "simplex/async/loop.hpp"

namespace boost::asio {
class io_context;
}

namespace simplex::async {

// Nothing for a loop that make_thread_loop() did not make: a simulated loop has no sockets.
[[nodiscard]] boost::asio::io_context* asio_context_of(Loop& loop) noexcept;

}  // namespace simplex::async
