using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace EnvPlatform.Testing;

/// <summary>Free TCP ports of the loopback interface, each handed out to one test process of the machine at a time.</summary>
/// <remarks>
/// A port that the kernel names may be taken by an outgoing connection, or by another test process, before its server listens. These are
/// from below the kernel's range for outgoing connections, and a file that stays locked until the process ends claims each.
/// </remarks>
public static class TestPorts
{
    private const int First = 20_000;
    private const int AfterLast = 32_000;
    private static readonly string Folder = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), "envplatform-test-ports")).FullName;
    private static readonly List<FileStream> Claims = [];

    /// <exception cref="InvalidOperationException">All are in use.</exception>
    public static int Next()
    {
        for (var attempt = 0; attempt < 1_000; attempt++)
        {
            var port = RandomNumberGenerator.GetInt32(First, AfterLast);
            if (TryClaim(port) && IsFree(port))
            {
                return port;
            }
        }

        throw new InvalidOperationException($"No free port between {First} and {AfterLast}.");
    }

    private static bool TryClaim(int port)
    {
        try
        {
            var claim = new FileStream(
                Path.Combine(Folder, $"{port}"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
            lock (Claims)
            {
                Claims.Add(claim);
            }

            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
