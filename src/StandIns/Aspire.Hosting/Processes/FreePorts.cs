using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Aspire.Hosting.Processes;

/// <summary>Hands out free loopback ports, each once in this process.</summary>
/// <remarks>From below the range that the kernel takes for outgoing connections, so that none of them can take a port before its server does.</remarks>
internal static class FreePorts
{
    private const int First = 20_000, AfterLast = 32_000;
    private static readonly Lock Gate = new();
    private static readonly HashSet<int> Taken = [];

    public static int Next()
    {
        for (var attempt = 0; attempt < 1_000; attempt++)
        {
            var port = RandomNumberGenerator.GetInt32(First, AfterLast);
            lock (Gate)
                if (!Taken.Add(port))
                    continue;

            if (IsFree(port))
                return port;
        }

        throw new DistributedApplicationException($"No free port between {First} and {AfterLast}.");
    }

    public static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied)
        {
            return false;
        }
    }
}
