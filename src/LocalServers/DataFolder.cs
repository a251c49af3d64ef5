using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace EnvPlatform.LocalServers;

/// <summary>
/// Where a platform on this machine keeps everything: <c>data/NAME</c> of each server, <c>logs/NAME.log</c> of each process and the
/// generated secrets (<c>secrets.json</c>, mode 0600). Only one process at a time uses it.
/// </summary>
public sealed class DataFolder : IDisposable
{
    // Others may traverse it, not list it: a server that runs as another user has its own folder below.
    private const UnixFileMode PassThrough =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private readonly Lock _gate = new();
    private readonly FileStream _lock;

    private DataFolder(string root, FileStream @lock)
    {
        Root = root;
        _lock = @lock;
    }

    /// <summary>The absolute path.</summary>
    public string Root { get; }

    /// <summary>Creates the folder if missing, and locks it for this process.</summary>
    /// <exception cref="LocalServerException">Another process uses it, or it cannot be written.</exception>
    public static DataFolder Open(string path)
    {
        var root = Path.GetFullPath(path);
        try
        {
            if (!Directory.Exists(root))
            {
                Directory.CreateDirectory(root, PassThrough);
            }

            // Also a folder that was there before, whatever its mode.
            File.SetUnixFileMode(root, PassThrough);
            return new DataFolder(root, new FileStream(Path.Combine(root, "lock"), new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }));
        }
        catch (UnauthorizedAccessException e)
        {
            throw new LocalServerException($"The data folder {root} cannot be written: {e.Message}", e);
        }
        catch (IOException e)
        {
            throw new LocalServerException(
                $"The data folder {root} is in use by another running platform, or cannot be used: {e.Message}", e);
        }
    }

    /// <summary>As <see cref="Open"/>; writes the reason to standard error when it returns null.</summary>
    public static DataFolder? TryOpen(string path)
    {
        try
        {
            return Open(path);
        }
        catch (LocalServerException e)
        {
            Console.Error.WriteLine(e.Message);
            return null;
        }
    }

    /// <summary>The folder of a server; emptied unless its data are kept.</summary>
    public string For(string server, bool keep)
    {
        var path = Path.Combine(Root, "data", server);
        if (!keep && Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }

        var all = Path.GetDirectoryName(path)!;
        Directory.CreateDirectory(all, PassThrough);
        Directory.CreateDirectory(path, OwnerOnly);
        File.SetUnixFileMode(all, PassThrough);
        File.SetUnixFileMode(path, OwnerOnly);
        return path;
    }

    /// <summary>
    /// A folder outside, with a link to it inside, for a server whose user cannot reach the data folder (below /root, say).
    /// </summary>
    public string ForOutside(string server, bool keep)
    {
        var link = new DirectoryInfo(Path.Combine(Root, "data", server));
        var name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Root)))[..16];
        var path = link.LinkTarget ?? Path.Combine("/var/lib/envplatform", name, server);
        if (!keep && Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }

        Directory.CreateDirectory(Path.GetDirectoryName(path)!, PassThrough);
        Directory.CreateDirectory(path, OwnerOnly);
        if (link.LinkTarget is null)
        {
            link.Delete();
            link.CreateAsSymbolicLink(path);
        }

        return path;
    }

    /// <summary>The log of a process; the old one is kept as <c>NAME.log.1</c> when it has passed 16 MiB.</summary>
    public string LogFor(string process)
    {
        var path = Path.Combine(Root, "logs", process + ".log");
        var all = Path.GetDirectoryName(path)!;
        Directory.CreateDirectory(all, OwnerOnly);
        File.SetUnixFileMode(all, OwnerOnly);
        if (File.Exists(path) && new FileInfo(path).Length > 16 << 20)
        {
            File.Move(path, path + ".1", overwrite: true);
        }

        return path;
    }

    /// <summary>The secret of that name: letters and digits; generated and stored at the first call.</summary>
    public string Secret(string name, int length)
    {
        const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        var path = Path.Combine(Root, "secrets.json");
        lock (_gate)
        {
            var secrets = File.Exists(path) ? JsonSerializer.Deserialize<SortedDictionary<string, string>>(File.ReadAllText(path))! : [];
            if (secrets.TryGetValue(name, out var known))
            {
                return known;
            }

            var secret = secrets[name] = RandomNumberGenerator.GetString(Alphabet, length);
            WritePrivate(path, JsonSerializer.Serialize(secrets, JsonSerializerOptions.Web));
            return secret;
        }
    }

    /// <summary>Writes a file that only its owner can read, atomically.</summary>
    public static void WritePrivate(string path, string content)
    {
        var draft = path + ".new";
        File.Delete(draft);
        using (var file = new FileStream(draft, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            file.Write(Encoding.UTF8.GetBytes(content));
        }

        File.Move(draft, path, overwrite: true);
    }

    public void Dispose() => _lock.Dispose();
}
