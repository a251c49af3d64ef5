using System.Buffers.Binary;
using System.Runtime.InteropServices;

using EnvPlatform.Agent.Tests.Commands;

namespace EnvPlatform.Agent.Tests.Native;

/// <summary>The single files of the platforms: each is for its platform, and runs where this machine is of that platform.</summary>
[NonParallelizable]
public sealed class SingleFileTests
{
    [TestCase("linux-x64")]
    [TestCase("linux-arm64")]
    [TestCase("osx-arm64")]
    [TestCase("osx-x64")]
    [TestCase("win-x64")]
    public async Task The_single_file_is_of_its_platform_and_runs_there(string rid)
    {
        var program = await Publishing.SingleFileAsync(rid);
        var head = new byte[16_384];
        await using (var file = File.OpenRead(program))
        {
            await file.ReadExactlyAsync(head);
        }

        Assert.That(PlatformOf(head), Is.EqualTo(rid));
        Assert.That(rid != "osx-arm64" || IsSigned(head), Is.True, "macOS runs no unsigned program on arm64");
        Assert.That(new FileInfo(program).Length, Is.InRange(10_000_000, 45_000_000), "trimmed, with the runtime");
        if (rid == RuntimeInformation.RuntimeIdentifier)
        {
            using var machine = new UserMachine();
            Assert.That(await machine.RunProgramAsync(program, "--version"),
                Is.EqualTo(new Ended(0, Surroundings.Version + Environment.NewLine, "")));
            Assert.That((await machine.RunProgramAsync(program, "env", "list")).ExitCode, Is.EqualTo(2), "nobody is signed in");
            Assert.That((await machine.RunProgramAsync(program, "nonsense")).ExitCode, Is.EqualTo(64));
        }
    }

    [TestCase]
    [TestCase("one", "two")]
    [TestCase("--form", "zip", "folder")]
    [TestCase("--rid", "solaris-sparc", "folder")]
    [TestCase("--nonsense", "folder")]
    [TestCase("--all", "--form", "native", "folder")]
    [TestCase("--form", "native", "--rid", "win-x64", "folder")]
    public async Task A_command_line_of_the_script_that_makes_no_sense_ends_with_64(params string[] args)
    {
        var (exitCode, said) = await Publishing.RunAsync(args);
        Assert.That((exitCode, said.Contains("eng/agent.sh --help", StringComparison.Ordinal)), Is.EqualTo((64, true)), said);
    }

    /// <summary>Whether a Mach-O program has the load command of a signature (LC_CODE_SIGNATURE).</summary>
    private static bool IsSigned(ReadOnlySpan<byte> head)
    {
        var (commands, at) = (BinaryPrimitives.ReadUInt32LittleEndian(head[16..]), 32);
        for (var command = 0; command < commands; command++, at += BinaryPrimitives.ReadInt32LittleEndian(head[(at + 4)..]))
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(head[at..]) == 0x1D)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The platform that a program's first bytes name: ELF (e_machine), Mach-O (cputype) or PE (Machine).</summary>
    private static string PlatformOf(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith("\u007fELF"u8))
        {
            return BinaryPrimitives.ReadUInt16LittleEndian(head[18..]) switch
            {
                0x3E => "linux-x64",
                0xB7 => "linux-arm64",
                var other => $"ELF {other:x}"
            };
        }

        if (head.StartsWith("MZ"u8))
        {
            var header = head[BinaryPrimitives.ReadInt32LittleEndian(head[0x3C..])..];
            return !header.StartsWith("PE\0\0"u8)
                ? "MZ"
                : BinaryPrimitives.ReadUInt16LittleEndian(header[4..]) switch { 0x8664 => "win-x64", var other => $"PE {other:x}" };
        }

        return BinaryPrimitives.ReadUInt32LittleEndian(head) != 0xFEEDFACF ? "unknown"
            : BinaryPrimitives.ReadUInt32LittleEndian(head[4..]) switch
            {
                0x01000007 => "osx-x64",
                0x0100000C => "osx-arm64",
                var other => $"Mach-O {other:x}"
            };
    }
}
