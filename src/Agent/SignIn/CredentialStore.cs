using System.Text.Json;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Collectors;

namespace EnvPlatform.Agent.SignIn;

/// <summary>
/// Where the secrets of a sign-in are kept: in the user's keyring, or in files of mode 0600 beside the settings. The settings say which.
/// </summary>
internal sealed class CredentialStore(Surroundings surroundings, Settings settings)
{
    public const string InKeyring = "keyring";
    public const string InFile = "file";

    private const string SignInKind = "sign-in";
    private const string RevocationsKind = "revocations";

    /// <summary>Held while the secrets are replaced.</summary>
    public string LockFile => Beside("lock");

    /// <summary>The place in words for the user.</summary>
    public string Place(string? keptIn) => keptIn switch
    {
        InKeyring => "the keyring of this session",
        InFile => $"{FileOf(SignInKind)}, readable by you alone",
        _ => $"{settings.File}, readable by you alone",
    };

    /// <summary>Reads the secrets where the settings say that they are; null where there are none.</summary>
    /// <exception cref="AgentException">They are there and cannot be read.</exception>
    public async Task<StoredCredentials?> ReadAsync()
    {
        if (await ReadAsync(SignInKind, settings.Stored.KeptIn) is not { } content)
        {
            return null;
        }

        try
        {
            return LeanJson.ReadCredentials(content);
        }
        catch (JsonException)
        {
            throw new AgentException($"The sign-in in {Place(settings.Stored.KeptIn)} cannot be read: run 'envplatform login' again.");
        }
    }

    /// <summary>
    /// Stores the secrets in the keyring, or in the file where there is no keyring or it refuses; they have reached the disk when this
    /// returns.
    /// </summary>
    /// <param name="mayAsk">Whether the keyring may ask the user to unlock it.</param>
    /// <param name="onlyFile">Whether the keyring is not tried.</param>
    /// <param name="inSettings">Whether the settings take the place of the file; the caller then writes them.</param>
    /// <returns>Where they are (null for the settings), and why not in the keyring where one is there.</returns>
    /// <exception cref="AgentException">They cannot be stored anywhere.</exception>
    public async Task<(string? KeptIn, string? Refused)> WriteAsync(
        StoredCredentials credentials, bool mayAsk, bool onlyFile = false, bool inSettings = false)
    {
        var content = LeanJson.Write(credentials);
        var refused = "";
        if (!onlyFile
            && (refused = await TryKeyringAsync(SignInKind, $"EnvPlatform: signed in to {credentials.Url}", content, mayAsk)) is null)
        {
            return (InKeyring, null);
        }

        refused = refused.Length > 0 ? refused : null;
        if (inSettings)
        {
            File.Delete(FileOf(SignInKind));
            return (null, refused);
        }

        PrivateFile.Write(FileOf(SignInKind), content, durable: true);
        return (InFile, refused);
    }

    /// <exception cref="AgentException">They are there and cannot be deleted.</exception>
    public Task DeleteAsync(string? keptIn) => DeleteAsync(SignInKind, keptIn);

    /// <exception cref="AgentException">They are there and cannot be read.</exception>
    public async Task<IReadOnlyList<PendingRevocation>> ReadRevocationsAsync()
    {
        var content = await ReadAsync(RevocationsKind, settings.Stored.PendingRevocations);
        try
        {
            return content is null ? [] : JsonSerializer.Deserialize(content, AgentJson.Default.PendingRevocationArray) ?? [];
        }
        catch (JsonException)
        {
            return [];
        }
    }

    /// <summary>Keeps the tokens that are still to be revoked, and says in the settings where.</summary>
    /// <exception cref="AgentException">They cannot be stored.</exception>
    public async Task WriteRevocationsAsync(IReadOnlyList<PendingRevocation> pending)
    {
        string? keptIn = null;
        if (pending.Count > 0)
        {
            var content = JsonSerializer.SerializeToUtf8Bytes([.. pending], AgentJson.Default.PendingRevocationArray);
            keptIn = InKeyring;
            if (await TryKeyringAsync(RevocationsKind, "EnvPlatform: tokens to be revoked", content, mayAsk: false) is not null)
            {
                keptIn = InFile;
                PrivateFile.Write(FileOf(RevocationsKind), content, durable: true);
            }
        }

        if (settings.Stored.PendingRevocations is { } before && before != keptIn)
        {
            await DeleteAsync(RevocationsKind, before);
        }

        if (settings.Stored.PendingRevocations != keptIn)
        {
            settings.Update(stored => stored with { PendingRevocations = keptIn });
        }
    }

    private async Task<byte[]?> ReadAsync(string kind, string? keptIn)
    {
        switch (keptIn)
        {
            case InKeyring:
                using (var keyring = await OpenAsync())
                {
                    return await keyring.ReadAsync(AttributesOf(kind)).OrSayAsync("read");
                }

            case InFile:
                var file = FileOf(kind);
                var content = Folder.Read(file, File.ReadAllBytes, out var trouble);
                return trouble is null ? content : throw new AgentException($"{file} cannot be read ({trouble}): make it readable.");

            default:
                return null;
        }
    }

    /// <returns>Null where the keyring took it, else why not: empty where there is none.</returns>
    private async Task<string?> TryKeyringAsync(string kind, string label, byte[] content, bool mayAsk)
    {
        using var keyring = await Keyring.OpenAsync(surroundings, mayAsk);
        if (keyring is null)
        {
            return "";
        }

        try
        {
            await keyring.WriteAsync(AttributesOf(kind), label, content);
            File.Delete(FileOf(kind));
            return null;
        }
        catch (KeyringException failure)
        {
            return failure.Message;
        }
    }

    private async Task DeleteAsync(string kind, string? keptIn)
    {
        if (keptIn == InKeyring)
        {
            using var keyring = await OpenAsync();
            await keyring.DeleteAsync(AttributesOf(kind)).OrSayAsync("changed");
        }
        else if (keptIn == InFile)
        {
            File.Delete(FileOf(kind));
        }
    }

    private async Task<Keyring> OpenAsync() =>
        await Keyring.OpenAsync(surroundings, mayAsk: false) ?? throw new AgentException(
            "The sign-in is in your keyring, which this session does not reach (no D-Bus session bus, as over SSH or in cron): "
            + "run 'envplatform login' here, or set ENVPLATFORM_TOKEN.");

    private Dictionary<string, string> AttributesOf(string kind) => new(StringComparer.Ordinal)
    {
        ["application"] = "envplatform",
        ["kind"] = kind,
        ["settings"] = Path.GetFullPath(settings.File),
    };

    private string FileOf(string kind) => Beside(kind == SignInKind ? "credentials.json" : "revocations.json");

    private string Beside(string extension) => Path.ChangeExtension(settings.File, extension);
}

/// <summary>Refusals of the keyring as sentences for the user.</summary>
internal static class KeyringRefusals
{
    /// <exception cref="AgentException">The keyring refused.</exception>
    public static async Task<T> OrSayAsync<T>(this Task<T> work, string what)
    {
        try
        {
            return await work;
        }
        catch (KeyringException failure)
        {
            throw Said(failure, what);
        }
    }

    /// <exception cref="AgentException">The keyring refused.</exception>
    public static async Task OrSayAsync(this Task work, string what)
    {
        try
        {
            await work;
        }
        catch (KeyringException failure)
        {
            throw Said(failure, what);
        }
    }

    private static AgentException Said(KeyringException failure, string what) => new(
        $"The sign-in in your keyring cannot be {what}: {failure.Message}. Unlock the keyring, or run 'envplatform login' again.");
}
