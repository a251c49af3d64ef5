using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;

using MimeKit;

namespace EnvPlatform.Identity.Tests;

/// <summary>
/// A mail server of npm (smtp-server) in a process of its own, on loopback, with a certificate for localhost that an authority of this test
/// made.
/// </summary>
internal sealed class SmtpServer : IAsyncDisposable
{
    public const string User = "platform";
    public const string Password = "password-of-the-mail-server";
    private static readonly Lazy<Task<string>> Folder = new(InstallAsync);
    private readonly Process _process;
    private readonly string _files;
    private readonly ConcurrentQueue<JsonObject> _said = new();
    private readonly TaskCompletionSource<int> _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private SmtpServer(Process process, string files) => (_process, _files) = (process, files);

    public string AuthorityFile => Path.Combine(_files, "ca.pem");

    /// <summary>The recipients that somebody asked for, in order.</summary>
    public string[] Recipients => [.. _said.Select(one => (string?)one["recipient"]).OfType<string>()];

    /// <summary>The mails that were taken, in order.</summary>
    public (string To, bool Secure, string? User, MimeMessage Mail)[] Mails => [.. _said.Where(one => one["mail"] is not null).Select(one =>
    {
        using var stream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes((string)one["mail"]!));
        return ((string)one["to"]![0]!, (bool)one["secure"]!, (string?)one["user"], MimeMessage.Load(stream));
    })];

    /// <param name="mode">tls, starttls, or none: it offers no TLS.</param>
    public static async Task<SmtpServer> StartAsync(string mode)
    {
        var folder = await Folder.Value;
        var files = Directory.CreateTempSubdirectory("envplatform-smtp").FullName;
        await WriteCertificatesAsync(files);
        var options = JsonSerializer.Serialize(new
        {
            mode,
            key = Path.Combine(files, "key.pem"),
            cert = Path.Combine(files, "cert.pem"),
            user = mode == "none" ? null : User,
            password = Password,
        });
        var process = Process.Start(new ProcessStartInfo("node", ["server.js", options])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        })!;
        var server = new SmtpServer(process, files);
        process.OutputDataReceived += server.Hear;
        process.BeginOutputReadLine();
        server.Port = await server._listening.Task.WaitAsync(TimeSpan.FromSeconds(60));
        return server;
    }

    public int Port { get; private set; }

    /// <summary>The settings of a service that sends its mail here.</summary>
    public (string Key, string Value)[] Settings(string security, params (string Key, string Value)[] others)
    {
        (string Key, string Value)[] usual =
        [
            ("Mail:Host", "localhost"), ("Mail:Port", $"{Port}"), ("Mail:Security", security), ("Mail:CaFile", AuthorityFile),
            ("Mail:User", User), ("Mail:Password", Password), ("Mail:From", "EnvPlatform <noreply@envplatform.example>"),
            ("Mail:TimeoutSeconds", "60"), ("Mail:RetrySeconds", "1"),
        ];
        return [.. usual.Where(one => !others.Any(other => other.Key == one.Key)), .. others];
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_files, recursive: true);
    }

    private void Hear(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is { Length: > 0 } text)
        {
            var said = JsonNode.Parse(text)!.AsObject();
            if (said["listening"] is { } port)
            {
                _listening.TrySetResult((int)port);
            }

            _said.Enqueue(said);
        }
    }

    private static async Task WriteCertificatesAsync(string files)
    {
        var now = TimeProvider.System.GetUtcNow();
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authority = new CertificateRequest("CN=Authority of a test", authorityKey, HashAlgorithmName.SHA256);
        authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var root = authority.CreateSelfSigned(now.AddDays(-1), now.AddDays(2));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        using var certificate = request.Create(root, now.AddDays(-1), now.AddDays(1), RandomNumberGenerator.GetBytes(8));
        await File.WriteAllTextAsync(Path.Combine(files, "ca.pem"), root.ExportCertificatePem());
        await File.WriteAllTextAsync(Path.Combine(files, "cert.pem"), certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(Path.Combine(files, "key.pem"), key.ExportPkcs8PrivateKeyPem());
    }

    private static async Task<string> InstallAsync()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "EnvPlatform.sln")))
        {
            root = root.Parent ?? throw new DirectoryNotFoundException("The tests run outside of the repository.");
        }

        var folder = Path.Combine(root.FullName, "tests", "Identity.Tests", "Smtp");
        var installed = new FileInfo(Path.Combine(folder, "node_modules", ".package-lock.json"));
        if (installed.Exists && installed.LastWriteTimeUtc >= File.GetLastWriteTimeUtc(Path.Combine(folder, "package-lock.json")))
        {
            return folder;
        }

        try
        {
            using var npm = Process.Start(
                new ProcessStartInfo("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"]) { WorkingDirectory = folder })!;
            await npm.WaitForExitAsync();
            if (npm.ExitCode != 0)
            {
                Missing($"npm ci ended with {npm.ExitCode} in {folder}.");
            }
        }
        catch (Win32Exception)
        {
            Missing("Node.js and npm are not installed.");
        }

        return folder;
    }

    private static void Missing(string reason)
    {
        if (Environment.GetEnvironmentVariable("CI") is { Length: > 0 })
        {
            Assert.Fail(reason);
        }

        Assert.Ignore(reason);
    }
}
