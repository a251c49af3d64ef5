using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace EnvPlatform.LocalServers;

/// <summary>Free TCP ports of the loopback interface, each handed out once in this process.</summary>
/// <remarks>From below the kernel's range for outgoing connections, so that none of them takes a port before its server does.</remarks>
public static class FreePorts
{
    private const int First = 20_000;
    private const int AfterLast = 32_000;
    private static readonly Lock Gate = new();
    private static readonly HashSet<int> Taken = [];

    /// <exception cref="InvalidOperationException">All are in use.</exception>
    public static int Next()
    {
        for (var attempt = 0; attempt < 1_000; attempt++)
        {
            var port = RandomNumberGenerator.GetInt32(First, AfterLast);
            lock (Gate)
            {
                if (!Taken.Add(port))
                {
                    continue;
                }
            }

            if (IsFree(port))
            {
                return port;
            }
        }

        throw new InvalidOperationException($"No free port between {First} and {AfterLast}.");
    }

    /// <summary>Whether a server could listen on the port of the loopback interface now.</summary>
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
