"""TLS for asyncio's streams, on both sides."""
import ssl


def any_certificate():
    """What mail servers that send use: nobody is believed, nobody is refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def start_tls(writer, context, **options):
    """As the writer's own, which in Python 3.11 forgets its transport, and cannot even be closed any
    more, if the connection is lost just when the handshake is done."""
    transport = writer.transport
    try:
        await writer.start_tls(context, **options)
    except AttributeError:
        writer._transport = transport
        raise ConnectionResetError("lost behind the handshake") from None
