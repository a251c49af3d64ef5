using System.CommandLine;

using EnvPlatform.Agent.AuditLogs;
using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Commands.AuditLogs;

/// <summary>
/// Exports events of the audit log into a file, with its manifest and proof beside it, or to standard output. Nothing is handed on before
/// all of it has come and is what the manifest says.
/// </summary>
internal sealed class AuditLogExportCommand : Command
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);
    private readonly EventFilters _filters = new();

    private readonly Option<string?> _output = new("--output", "-o")
    {
        Description = "The file to write, with NAME.manifest.json and NAME.proof.jsonl beside it; without it, standard output.",
        HelpName = "FILE",
    };

    private readonly Option<string> _format = new("--format")
    {
        Description = "jsonl, csv, cloudevents, ocsf or cef.",
        HelpName = "FORMAT",
        DefaultValueFactory = _ => "jsonl"
    };

    private readonly Option<Guid?> _job = new("--job")
    {
        Description = "Fetch an export that was started before; what is there of its file is not fetched again.",
        HelpName = "ID"
    };

    private readonly Option<bool> _verify = new("--verify") { Description = "Verify the file, as 'audit-log verify FILE' does." };

    private readonly Option<string[]> _keys = new("--key")
    {
        Description = "With --verify: a key that is trusted, or a file of keys.",
        HelpName = "KEY|FILE"
    };

    public AuditLogExportCommand(Surroundings surroundings)
        : base("export", "Export events of the audit log.")
    {
        _filters.AddTo(this);
        Add(_output);
        Add(_format);
        Add(_job);
        Add(_verify);
        Add(_keys);
        _format.AcceptOnlyFromAmong("jsonl", "csv", "cloudevents", "ocsf", "cef");
        Validators.Add(result =>
        {
            if (result.GetValue(_verify)
                && (result.GetValue(_output)?.EndsWith(".jsonl", StringComparison.Ordinal) != true
                    || result.GetValue(_format) is not (null or "jsonl")))
            {
                result.AddError("--verify is for a file NAME.jsonl in the format jsonl.");
            }
        });
        SetAction((parsed, ct) => RunAsync(parsed, surroundings, ct));
    }

    private async Task<int> RunAsync(ParseResult parsed, Surroundings surroundings, CancellationToken ct)
    {
        var screen = new Screen(surroundings);
        // The ranges of a compressed answer are others.
        using var session = Session.Open(surroundings, compressed: false);
        var client = new AuditLogClient(session.Client, session.Organization);
        var file = parsed.GetValue(_output) is { } given ? surroundings.FullPath(given) : null;
        if (file is not null && Path.GetDirectoryName(file) is { } folder && !Directory.Exists(folder))
        {
            throw new AgentException($"There is no folder {folder}.", ExitCodes.Usage);
        }

        var keys = (parsed.GetValue(_keys) ?? []).SelectMany(key => AuditLogVerifyCommand.KeysOf(key, surroundings)).ToList();
        ExportManifestView manifest;
        Guid id;
        var part = file is null ? Path.Combine(Path.GetTempPath(), $"envplatform-{Guid.CreateVersion7():N}.part") : file + ".part";
        using (var progress = new Progress(surroundings, alsoPlain: true))
        {
            id = parsed.GetValue(_job) ?? await StartAsync(parsed, client, ct);
            if (parsed.GetValue(_job) is null)
            {
                // What is there of another export is not a part of this one.
                File.Delete(part);
            }

            await UntilDoneAsync(client, id, progress, surroundings.Clock, ct);
            var answer = await client.GetAsync($"export/{id}/manifest", ct);
            manifest = answer.As(AgentJson.Default.ExportManifestView);
            await FetchAsync(client, id, manifest, part, progress, surroundings, ct);
            if (file is not null)
            {
                var name = Path.Combine(Path.GetDirectoryName(file)!, NameOf(file));
                await File.WriteAllBytesAsync(name + ".manifest.json", answer.Body, ct);
                await File.WriteAllBytesAsync(name + ".proof.jsonl", (await client.GetAsync($"export/{id}/proof", ct)).Body, ct);
                File.Move(part, file, overwrite: true);
            }
        }

        if (file is null)
        {
            try
            {
                using var reader = new StreamReader(part);
                var buffer = new char[1 << 14];
                int read;
                while ((read = await reader.ReadAsync(buffer, ct)) > 0)
                {
                    await surroundings.Out.WriteAsync(buffer.AsMemory(0, read), ct);
                }

                await surroundings.Out.FlushAsync(ct);
            }
            finally
            {
                File.Delete(part);
            }

            return ExitCodes.Fine;
        }

        screen.Line($"{(manifest.Events == 1 ? "1 event" : $"{manifest.Events} events")} in {file}; the SHA-256 is that of the manifest.");
        if (!parsed.GetValue(_verify))
        {
            screen.Note(file.EndsWith(".jsonl", StringComparison.Ordinal)
                ? $"Verify it with 'envplatform audit-log verify {ShellWord.Of(file)}'."
                : "An export in the format jsonl can be verified.");
            return ExitCodes.Fine;
        }

        var verdict = AuditLogVerifyCommand.VerifyFile(file, keys, surroundings);
        AuditLogVerifyCommand.Show(verdict, asJson: false, screen);
        return verdict.Problems.Count == 0 ? ExitCodes.Fine : ExitCodes.Found;
    }

    private async Task<Guid> StartAsync(ParseResult parsed, AuditLogClient client, CancellationToken ct) =>
        (await client.StartExportAsync(
            new(_filters.Columns(parsed), "and", _filters.Search(parsed), _filters.From(parsed), _filters.To(parsed),
                parsed.GetValue(_format)!), ct)).Id;

    private static async Task UntilDoneAsync(
        AuditLogClient client, Guid id, Progress progress, TimeProvider clock, CancellationToken ct)
    {
        while (true)
        {
            var export = (await client.GetAsync($"export/{id}", ct)).As(AgentJson.Default.ExportView);
            if (export.Status == "completed")
            {
                return;
            }

            if (export.Status == "failed")
            {
                throw new AgentException($"The export failed: {export.ErrorMessage ?? "the platform does not say why"}");
            }

            progress.Show(
                "Exporting", export.TotalRecords is { } total ? $"{total} events (job {id})" : $"job {id}", export.Progress / 100.0);
            await Task.Delay(Pause, clock, ct);
        }
    }

    private static Task FetchAsync(
        AuditLogClient client, Guid id, ExportManifestView manifest, string part, Progress progress, Surroundings surroundings,
        CancellationToken ct) =>
        new ExportDownload(client, surroundings.Clock, bytes => progress.Show(
            "Downloading", $"{Times.Megabytes(bytes)} of {Times.Megabytes(manifest.Size)} MB (job {id})",
            manifest.Size == 0 ? 1 : (double)bytes / manifest.Size)).FetchAsync(id, manifest, part, ct);

    /// <summary>As the verifiers look for what is beside an export.</summary>
    private static string NameOf(string file) => file.EndsWith(".jsonl", StringComparison.Ordinal)
        ? Path.GetFileName(file)[..^".jsonl".Length]
        : Path.GetFileName(file);
}
