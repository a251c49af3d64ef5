using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

using EnvPlatform.Testing;

namespace EnvPlatform.Audit.Tests.Sinks;

/// <summary>rsyslog, which receives by TLS on a free port and writes what it understood into a file.</summary>
internal sealed class Rsyslog : IDisposable
{
    private const string Program = "/usr/sbin/rsyslogd";
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("envplatform-rsyslog-");
    private Process? _process;

    public int Port { get; private set; }

    /// <summary>Facility and severity, version fields, and the message, a line each with bars between.</summary>
    public IReadOnlyList<string[]> Messages =>
        File.Exists(Written) ? [.. File.ReadAllLines(Written).Select(line => line.Split('|', 7))] : [];

    private string Written => Path.Combine(_folder.FullName, "received");

    public static async Task<Rsyslog> StartAsync(TestAuthority authority)
    {
        if (!File.Exists(Program))
        {
            if (Environment.GetEnvironmentVariable("CI") is { Length: > 0 })
            {
                Assert.Fail("rsyslog is not installed.");
            }

            Assert.Ignore("rsyslog is not installed.");
        }

        var rsyslog = new Rsyslog();
        rsyslog.Write("ca.pem", authority.Root);
        rsyslog.Write("cert.pem", authority.Certificate);
        rsyslog.Write("key.pem", authority.Key);
        await rsyslog.RunAsync();
        return rsyslog;
    }

    /// <summary>Ends it as a machine does that loses its power.</summary>
    public void Kill()
    {
        _process!.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _process = null;
    }

    /// <summary>Again where it was.</summary>
    public Task StartAgainAsync() => RunAsync();

    public void Dispose()
    {
        if (_process is not null)
        {
            Kill();
        }

        _folder.Delete(recursive: true);
    }

    private async Task RunAsync()
    {
        var folder = _folder.FullName;
        Write("rsyslog.conf",
            $$"""
            global(workDirectory="{{folder}}" maxMessageSize="128k" defaultNetstreamDriver="gtls"
                defaultNetstreamDriverCAFile="{{folder}}/ca.pem" defaultNetstreamDriverCertFile="{{folder}}/cert.pem" defaultNetstreamDriverKeyFile="{{folder}}/key.pem"
                parser.escapeControlCharactersOnReceive="off")
            module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
            template(name="all" type="string"
                string="%pri%|%timestamp:::date-rfc3339%|%hostname%|%app-name%|%msgid%|%structured-data%|%msg%\n")
            ruleset(name="received") { action(type="omfile" file="{{Written}}" template="all" asyncWriting="off" flushOnTXEnd="on") }
            input(type="imtcp" address="127.0.0.1" port="{{Port}}" listenPortFileName="{{folder}}/port" ruleset="received")
            """);
        File.Delete(Path.Combine(folder, "pid"));
        _process = Process.Start(new ProcessStartInfo(
            Program, ["-n", "-f", Path.Combine(folder, "rsyslog.conf"), "-i", Path.Combine(folder, "pid")])
        { UseShellExecute = false })!;
        if (Port == 0)
        {
            var port = await Eventually.GetAsync(() => Task.FromResult(WrittenPort()), "rsyslog to listen");
            Port = int.Parse(port, null);
        }

        await Eventually.BecomesTrueAsync(ListensAsync, "rsyslog to listen");
    }

    private string? WrittenPort()
    {
        var file = Path.Combine(_folder.FullName, "port");
        return File.Exists(file) && File.ReadAllText(file).Trim() is { Length: > 0 } text ? text : null;
    }

    private async Task<bool> ListensAsync()
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder.FullName, name), text);
}
