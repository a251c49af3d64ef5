using EnvPlatform.Postgres.Background;
using EnvPlatform.ServiceDefaults;

using MassTransit;

namespace EnvPlatform.Policy.Directories;

/// <summary>The copy of people, groups, channels and machines.</summary>
internal static class DirectoryServices
{
    public static void AddDirectories(this IHostApplicationBuilder builder)
    {
        builder.AddServiceClient<Contracts.Identity.Directories.DirectoriesClient>("identity");
        builder.Services.AddListeningWork<CopyDirectories>();
    }

    public static void AddDirectories(this IBusRegistrationConfigurator bus)
    {
        bus.AddConsumer<NoteDirectory, NoteDirectory.Definition>();
        bus.AddConsumer<StoreMachine>();
    }
}
