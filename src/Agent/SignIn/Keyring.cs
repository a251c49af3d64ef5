using Tmds.DBus.Protocol;

namespace EnvPlatform.Agent.SignIn;

/// <summary>The keyring is there and refuses: it is locked, broke off, or the user declined.</summary>
internal sealed class KeyringException(string message) : Exception(message);

/// <summary>
/// The user's keyring over D-Bus: the Secret Service of freedesktop.org (specification 0.2), which GNOME Keyring, KDE Wallet and KeePassXC
/// offer. Secrets cross the session bus, a socket of this user alone, as they are (algorithm <c>plain</c>).
/// </summary>
internal sealed class Keyring : IDisposable
{
    private const string Bus = "org.freedesktop.secrets";
    private const string Root = "/org/freedesktop/secrets";
    private const string Service = "org.freedesktop.Secret.Service";
    private const string Item = "org.freedesktop.Secret.Item";
    private const string Collection = "org.freedesktop.Secret.Collection";
    private const string None = "/";

    /// <summary>As long as a keyring takes to answer; one that asks the user takes longer.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan PatienceWithUser = TimeSpan.FromMinutes(2);

    private readonly DBusConnection _bus;
    private readonly string _session;
    private readonly bool _mayAsk;

    private Keyring(DBusConnection bus, string session, bool mayAsk)
    {
        _bus = bus;
        _session = session;
        _mayAsk = mayAsk;
    }

    /// <summary>The keyring of this user's session; null where there is none.</summary>
    /// <param name="mayAsk">Whether the keyring may open its own dialog to be unlocked.</param>
    public static async Task<Keyring?> OpenAsync(Surroundings surroundings, bool mayAsk)
    {
        if (OperatingSystem.IsWindows() || OperatingSystem.IsMacOS() || AddressOf(surroundings) is not { } address)
        {
            return null;
        }

        var bus = new DBusConnection(address);
        try
        {
            await bus.ConnectAsync().AsTask().WaitAsync(Patience);
            var session = await OpenSessionAsync(bus).WaitAsync(Patience);
            return new Keyring(bus, session, mayAsk);
        }
        catch (Exception failure) when (IsOfBus(failure))
        {
            bus.Dispose();
            return null;
        }
        catch
        {
            bus.Dispose();
            throw;
        }
    }

    /// <summary>The bus that the session names, or the socket that systemd makes for each user.</summary>
    private static string? AddressOf(Surroundings surroundings) =>
        surroundings["DBUS_SESSION_BUS_ADDRESS"]
        ?? (surroundings["XDG_RUNTIME_DIR"] is { } folder && File.Exists(Path.Combine(folder, "bus"))
            ? $"unix:path={Path.Combine(folder, "bus")}"
            : null);

    /// <summary>The secret with exactly these attributes; null where there is none.</summary>
    /// <exception cref="KeyringException">It cannot be read.</exception>
    public Task<byte[]?> ReadAsync(IReadOnlyDictionary<string, string> attributes) => AskAsync(async () =>
        await FindAsync(attributes) is { } item ? await SecretOfAsync(item) : null);

    /// <summary>Stores a secret in the default collection, in the place of one with the same attributes.</summary>
    /// <exception cref="KeyringException">It cannot be stored.</exception>
    public Task WriteAsync(IReadOnlyDictionary<string, string> attributes, string label, byte[] secret) => AskAsync(async () =>
    {
        var collection = await _bus.CallMethodAsync(DefaultCollection(), static (Message message, object? _) =>
            message.GetBodyReader().ReadObjectPathAsString());
        if (collection == None)
        {
            throw new KeyringException("it has no default collection");
        }

        await UnlockAsync(collection);
        var (_, prompt) = await _bus.CallMethodAsync(CreateItem(collection, attributes, label, secret), ReadPathAndPrompt);
        await AnsweredAsync(prompt);
        return true;
    });

    /// <summary>Deletes a secret, if it is there.</summary>
    /// <exception cref="KeyringException">It cannot be deleted.</exception>
    public Task DeleteAsync(IReadOnlyDictionary<string, string> attributes) => AskAsync(async () =>
    {
        if (await FindAsync(attributes) is { } item)
        {
            await AnsweredAsync(await _bus.CallMethodAsync(
                Call(item, Item, "Delete"), static (Message message, object? _) => message.GetBodyReader().ReadObjectPathAsString()));
        }

        return true;
    });

    public void Dispose() => _bus.Dispose();

    private async Task<T> AskAsync<T>(Func<Task<T>> work)
    {
        try
        {
            return await work().WaitAsync(_mayAsk ? PatienceWithUser : Patience);
        }
        catch (Exception failure) when (IsOfBus(failure))
        {
            throw new KeyringException(failure is TimeoutException ? "it does not answer" : failure.Message.TrimEnd('.'));
        }
    }

    private async Task<string?> FindAsync(IReadOnlyDictionary<string, string> attributes)
    {
        var (unlocked, locked) = await _bus.CallMethodAsync(SearchItems(attributes), static (Message message, object? _) =>
        {
            var reader = message.GetBodyReader();
            return (Paths(ref reader), Paths(ref reader));
        });
        if (unlocked.Length > 0 || locked.Length == 0)
        {
            return unlocked.FirstOrDefault();
        }

        await UnlockAsync(locked[0]);
        return locked[0];
    }

    private Task<byte[]?> SecretOfAsync(string item) =>
        _bus.CallMethodAsync(GetSecret(item), static (Message message, object? _) =>
        {
            // (session, parameters, value, content type)
            var reader = message.GetBodyReader();
            reader.AlignStruct();
            reader.ReadObjectPathAsString();
            reader.ReadArrayOfByte();
            return (byte[]?)reader.ReadArrayOfByte();
        });

    private async Task UnlockAsync(string path)
    {
        var (unlocked, prompt) = await _bus.CallMethodAsync(Unlock(path), static (Message message, object? _) =>
        {
            var reader = message.GetBodyReader();
            return (Paths(ref reader), reader.ReadObjectPathAsString());
        });
        if (unlocked.Length == 0 && prompt != None)
        {
            await AnsweredAsync(prompt);
        }
    }

    /// <summary>Shows a prompt of the keyring and waits for the user's answer.</summary>
    private async Task AnsweredAsync(string prompt)
    {
        if (prompt == None)
        {
            return;
        }

        if (!_mayAsk)
        {
            throw new KeyringException("it is locked");
        }

        var completed = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var watch = await _bus.WatchSignalAsync(
            Bus, prompt, "org.freedesktop.Secret.Prompt", "Completed",
            static (Message message, object? _) => message.GetBodyReader().ReadBool(),
            (Notification<bool> notification) =>
            {
                if (notification.HasValue)
                {
                    completed.TrySetResult(notification.Value);
                }
                else
                {
                    completed.TrySetException(new IOException("The keyring went away."));
                }
            }, ObserverFlags.EmitOnConnectionClosed | ObserverFlags.EmitOnConnectionFailed | ObserverFlags.EmitOnOwnerChanged);
        await _bus.CallMethodAsync(Prompt(prompt));
        if (await completed.Task)
        {
            throw new KeyringException("it was not unlocked");
        }
    }

    private static Task<string> OpenSessionAsync(DBusConnection bus) =>
        bus.CallMethodAsync(PlainSession(bus), static (Message message, object? _) =>
        {
            var reader = message.GetBodyReader();
            reader.ReadVariantValue();
            return reader.ReadObjectPathAsString();
        });

    private static MessageBuffer PlainSession(DBusConnection bus)
    {
        using var writer = bus.GetMessageWriter();
        writer.WriteMethodCallHeader(Bus, Root, Service, "OpenSession", "sv");
        writer.WriteString("plain");
        writer.WriteVariantString("");
        return writer.CreateMessage();
    }

    private MessageBuffer DefaultCollection()
    {
        using var writer = _bus.GetMessageWriter();
        writer.WriteMethodCallHeader(Bus, Root, Service, "ReadAlias", "s");
        writer.WriteString("default");
        return writer.CreateMessage();
    }

    private MessageBuffer SearchItems(IReadOnlyDictionary<string, string> attributes)
    {
        var writer = _bus.GetMessageWriter();
        writer.WriteMethodCallHeader(Bus, Root, Service, "SearchItems", "a{ss}");
        Write(ref writer, attributes);
        return Created(ref writer);
    }

    private MessageBuffer Unlock(string path)
    {
        using var writer = _bus.GetMessageWriter();
        writer.WriteMethodCallHeader(Bus, Root, Service, "Unlock", "ao");
        writer.WriteArray(new ObjectPath[] { new(path) });
        return writer.CreateMessage();
    }

    private MessageBuffer GetSecret(string item)
    {
        using var writer = _bus.GetMessageWriter();
        writer.WriteMethodCallHeader(Bus, item, Item, "GetSecret", "o");
        writer.WriteObjectPath(_session);
        return writer.CreateMessage();
    }

    private MessageBuffer Prompt(string prompt)
    {
        using var writer = _bus.GetMessageWriter();
        writer.WriteMethodCallHeader(Bus, prompt, "org.freedesktop.Secret.Prompt", "Prompt", "s");
        writer.WriteString("");
        return writer.CreateMessage();
    }

    private MessageBuffer Call(string path, string type, string member)
    {
        using var writer = _bus.GetMessageWriter();
        writer.WriteMethodCallHeader(Bus, path, type, member);
        return writer.CreateMessage();
    }

    private MessageBuffer CreateItem(string collection, IReadOnlyDictionary<string, string> attributes, string label, byte[] secret)
    {
        var writer = _bus.GetMessageWriter();
        writer.WriteMethodCallHeader(Bus, collection, Collection, "CreateItem", "a{sv}(oayays)b");
        var properties = writer.WriteDictionaryStart();
        writer.WriteDictionaryEntryStart();
        writer.WriteString(Item + ".Label");
        writer.WriteVariantString(label);
        writer.WriteDictionaryEntryStart();
        writer.WriteString(Item + ".Attributes");
        writer.WriteSignature("a{ss}");
        Write(ref writer, attributes);
        writer.WriteDictionaryEnd(properties);
        writer.WriteStructureStart();
        writer.WriteObjectPath(_session);
        writer.WriteArray(Array.Empty<byte>());
        writer.WriteArray(secret);
        writer.WriteString("application/json");
        writer.WriteBool(true);
        return Created(ref writer);
    }

    private static void Write(ref MessageWriter writer, IReadOnlyDictionary<string, string> attributes)
    {
        var start = writer.WriteDictionaryStart();
        foreach (var (name, value) in attributes)
        {
            writer.WriteDictionaryEntryStart();
            writer.WriteString(name);
            writer.WriteString(value);
        }

        writer.WriteDictionaryEnd(start);
    }

    private static MessageBuffer Created(ref MessageWriter writer)
    {
        try
        {
            return writer.CreateMessage();
        }
        finally
        {
            writer.Dispose();
        }
    }

    private static (string Path, string Prompt) ReadPathAndPrompt(Message message, object? state)
    {
        var reader = message.GetBodyReader();
        return (reader.ReadObjectPathAsString(), reader.ReadObjectPathAsString());
    }

    private static string[] Paths(ref Reader reader) => [.. reader.ReadArrayOfObjectPath().Select(path => path.ToString())];

    private static bool IsOfBus(Exception failure) =>
        failure is DBusExceptionBase or IOException or TimeoutException or ArgumentException or System.Net.Sockets.SocketException;
}
